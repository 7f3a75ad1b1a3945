"""Signature of a release: Ed25519 (RFC 8032) over its manifest, whose digests cover every file of the bundle.

Keys and signatures are text files with a line each: an id, a value in base64, and for a key when it was made.
"""

from base64 import b64decode, b64encode
from binascii import Error as Base64Error
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

from recsys.atomic_file import replace_file
from recsys.errors import BadFile, UntrustedBundle

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

SIGNATURE = "manifest.json.sig"  # in a bundle
SIGNING_KEY = "signing.key"  # in a home: the private key, for the training alone
TRUSTED_KEYS = "trusted.keys"  # in a home: the public keys
OPEN_TO_OTHERS = 0o077
_ID_DIGITS = 16


@dataclass(frozen=True, slots=True)
class PublicKey:
    """A key that releases may be signed with.  made_at_ms: Unix milliseconds."""

    id: str
    raw: bytes
    made_at_ms: int

    def line(self) -> str:
        return f"{self.id} {b64encode(self.raw).decode()} {self.made_at_ms}\n"


@dataclass(frozen=True, slots=True)
class TrustedKeys:
    """The public keys of one file, by id; without a key nothing is trusted."""

    file: Path
    keys: Mapping[str, PublicKey]

    def check(self, bundle: Path, manifest: bytes) -> None:
        """Raises UntrustedBundle unless one of the keys has signed that manifest of the bundle."""
        signatures = read_signatures(bundle)
        if any(id_ in self.keys and _is_signed(self.keys[id_], value, manifest) for id_, value in signatures.items()):
            return
        if not signatures:
            reason = "it is not signed"
        elif known := sorted(signatures.keys() & self.keys.keys()):
            reason = f"the signature of key {known[0]} belongs to another content"
        else:
            reason = f"it is signed by key {min(signatures)}, which is not trusted"
        raise UntrustedBundle(
            f"{bundle}: {reason} ({self.file}); `recsys rollback` to another version, or train again where the key is"
        )


class SigningKey:
    """The private key of a home."""

    def __init__(self, private: "Ed25519PrivateKey") -> None:
        self._private = private
        raw = private.public_key().public_bytes_raw()
        self.id = sha256(raw).hexdigest()[:_ID_DIGITS]
        self.raw = raw

    def sign(self, bundle: Path, manifest: bytes) -> None:
        """Adds the signature of this key to those of the bundle."""
        signatures = {**read_signatures(bundle), self.id: self._private.sign(manifest)}
        lines = (f"{id_} {b64encode(value).decode()}\n" for id_, value in sorted(signatures.items()))
        replace_file(bundle / SIGNATURE, "".join(lines).encode())


def read_signing_key(home: Path) -> SigningKey | None:
    """The key that the releases of this home are signed with, None where there is none.

    Raises BadFile for a damaged file, and for one that others can read.
    """
    file = home / SIGNING_KEY
    if not file.exists():
        return None
    from cryptography.exceptions import UnsupportedAlgorithm  # loaded only where there are keys
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        if file.stat().st_mode & OPEN_TO_OTHERS:
            raise BadFile(f"{file}: others can read the private key; `chmod 600` it, or `recsys keys signing --rotate`")
        private = load_pem_private_key(file.read_bytes(), None)
    except (OSError, ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise BadFile(f"{file}: no private key ({error}); restore it, or `recsys keys signing --rotate`") from None
    if not isinstance(private, Ed25519PrivateKey):
        raise BadFile(f"{file}: a key of another kind than Ed25519; `recsys keys signing --rotate` makes one")
    return SigningKey(private)


def read_trusted_keys(home: Path, file: Path | None = None) -> TrustedKeys | None:
    """The keys that releases must be signed with; None where this home asks for no signature.

    file: named in the settings, else `trusted.keys` of the home.  Raises UntrustedBundle for a damaged file, and for a
    missing one where the settings name it or the home has a private key: without its keys the door stays closed.
    """
    path = file or home / TRUSTED_KEYS
    try:
        return TrustedKeys(path, _parse_keys(path.read_text("ascii")))
    except FileNotFoundError:
        if file is None and not (home / SIGNING_KEY).exists():
            return None
        raise UntrustedBundle(f"{path}: missing, so no release is trusted; restore it from a copy") from None
    except (OSError, ValueError) as error:
        raise UntrustedBundle(f"{path}: no list of keys ({error}); restore it from a copy") from None


def read_signatures(bundle: Path) -> dict[str, bytes]:
    """The signatures of a bundle by the id of their key; empty where there are none, and where they are damaged."""
    try:
        lines = (bundle / SIGNATURE).read_text("ascii").splitlines()
        return {id_: b64decode(value, validate=True) for id_, value in (line.split() for line in lines)}
    except (OSError, ValueError, Base64Error):
        return {}


def _parse_keys(text: str) -> dict[str, PublicKey]:
    keys = {}
    for id_, value, made_at_ms in (line.split() for line in text.splitlines() if line.strip()):
        raw = b64decode(value, validate=True)
        if sha256(raw).hexdigest()[:_ID_DIGITS] != id_:
            raise ValueError(f"{id_} is not the id of its key")
        keys[id_] = PublicKey(id_, raw, int(made_at_ms))
    return keys


def _is_signed(key: PublicKey, signature: bytes, manifest: bytes) -> bool:
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    try:
        Ed25519PublicKey.from_public_bytes(key.raw).verify(signature, manifest)
    except (InvalidSignature, ValueError):
        return False
    return True
