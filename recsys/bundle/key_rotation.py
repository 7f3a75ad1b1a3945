"""Key rotation: makes the key pair of a home, signs what it has published, and withdraws trust from older keys."""

import logging
from dataclasses import dataclass
from pathlib import Path

from recsys.atomic_file import PRIVATE_FILE, file_lock, make_private, replace_file
from recsys.bundle.bundle import MANIFEST, is_version, open_release
from recsys.bundle.signature import (
    SIGNATURE,
    SIGNING_KEY,
    TRUSTED_KEYS,
    PublicKey,
    SigningKey,
    TrustedKeys,
    read_signing_key,
    read_trusted_keys,
)
from recsys.errors import BadBundle, BadFile, BadInput

_CHANGING = ".signing.lock"

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class SigningState:
    """signs_with: id of the key that signs here, None without a private key.  trusted: the public keys, oldest first.

    signed: versions that the last change signed.
    """

    signs_with: str | None
    trusted: tuple[PublicKey, ...]
    signed: tuple[str, ...] = ()


def is_signing(home: Path) -> bool:
    """Whether the home has a key, or trusts one of another machine."""
    return (home / SIGNING_KEY).exists() or (home / TRUSTED_KEYS).exists()


def signing_state(home: Path) -> SigningState:
    """The keys of that home.  Raises BadFile, UntrustedBundle for damaged files."""
    key = read_signing_key(home)
    return SigningState(key.id if key else None, _trusted(home))


def create_signing_key(home: Path, bundles: Path, *, now_ms: int) -> SigningState:
    """Makes another key pair; it signs from now on, and older keys stay trusted.

    Signs every sound release of the folder that was trusted so far: all of them where this is the first key.
    Raises BadInput where there is no home.
    """
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    if not home.is_dir():
        raise BadInput(f"{home}: there is no home here; check --home")
    with file_lock(home / _CHANGING):
        _sweep(home, SIGNING_KEY, TRUSTED_KEYS)
        before = _trusted_before(home)
        private = Ed25519PrivateKey.generate()
        key = SigningKey(private)
        public = PublicKey(key.id, key.raw, now_ms)
        signed = _sign_published(key, bundles, before)
        trusted = (*(before.keys.values() if before else ()), public)
        # Signatures first, then trust, then the private key: a crash in between leaves the home as it was, or open to
        # a key that never signs again.
        _write_trusted(home, trusted)
        pem = private.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        replace_file(home / SIGNING_KEY, pem, PRIVATE_FILE)
        make_private(home / SIGNING_KEY)
    return SigningState(key.id, trusted, tuple(signed))


def distrust(home: Path, key_id: str) -> SigningState:
    """Takes that key from the trusted ones: releases that it alone has signed are refused at their next opening.

    Raises BadInput for an unknown key and for the one that signs.
    """
    with file_lock(home / _CHANGING):
        state = signing_state(home)
        if key_id == state.signs_with:
            raise BadInput(f"key {key_id} signs the releases of this home; make another first, with --rotate")
        kept = tuple(key for key in state.trusted if key.id != key_id)
        if len(kept) == len(state.trusted):
            raise BadInput(f"no trusted key {key_id[:40]!r}; `recsys keys signing` lists them")
        _write_trusted(home, kept)
    return SigningState(state.signs_with, kept)


def _sweep(folder: Path, *names: str) -> None:
    """Removes temporary files of a rotation that was killed; the caller holds the lock."""
    for leftover in (leftover for name in names for leftover in folder.glob(f".{name}-*")):
        leftover.unlink()


def _trusted_before(home: Path) -> TrustedKeys | None:
    """The keys trusted so far; where only their file is lost, the releases of the folder stay unsigned."""
    if (home / SIGNING_KEY).exists() and not (home / TRUSTED_KEYS).exists():
        return TrustedKeys(home / TRUSTED_KEYS, {})
    return read_trusted_keys(home)


def _trusted(home: Path) -> tuple[PublicKey, ...]:
    trusted = read_trusted_keys(home)
    return tuple(trusted.keys.values()) if trusted is not None else ()


def _write_trusted(home: Path, keys: tuple[PublicKey, ...]) -> None:
    replace_file(home / TRUSTED_KEYS, "".join(key.line() for key in keys).encode())


def _sign_published(key: SigningKey, bundles: Path, before: TrustedKeys | None) -> list[str]:
    """Versions that the key has signed: those that are whole, and signed by a key trusted before if there was one."""
    signed = []
    for version in sorted(path.name for path in bundles.iterdir() if is_version(path.name)) if bundles.is_dir() else ():
        try:
            bundle = open_release(bundles, version, trusted=before)
            _sweep(bundle.path, SIGNATURE)
            key.sign(bundle.path, (bundle.path / MANIFEST).read_bytes())
        except (BadBundle, BadFile) as error:
            log.warning("not_signed", extra={"version": version, "reason": str(error)})
            continue
        signed.append(version)
    return signed
