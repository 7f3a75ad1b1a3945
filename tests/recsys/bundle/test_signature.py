"""A release is opened only where a trusted key has signed its manifest."""

import hashlib
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from recsys.bundle import MANIFEST, MANIFEST_CHECKSUM, Manifest, open_release, write_bundle
from recsys.bundle.key_rotation import create_signing_key, distrust, signing_state
from recsys.bundle.signature import SIGNATURE, SIGNING_KEY, TRUSTED_KEYS, read_signing_key, read_trusted_keys
from recsys.errors import BadBundle, BadFile, BadInput, UntrustedBundle

VERSIONS = ("first", "second")
START_MS = 1_767_323_045_000


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home with two unsigned releases."""
    for version in VERSIONS:
        path = tmp_path / "bundles" / version
        path.mkdir(parents=True)
        write_bundle(path, {"numbers": np.arange(9)}, Manifest(version=version, made_at_ms=START_MS, now=20_455.0))
    return tmp_path


def opened(home: Path, version: str = "first") -> str:
    return open_release(home / "bundles", version, trusted=read_trusted_keys(home)).manifest.version


def test_a_home_without_keys_asks_for_no_signature(home: Path) -> None:
    assert read_trusted_keys(home) is None
    assert read_signing_key(home) is None
    assert opened(home) == "first"


def test_the_first_key_signs_what_is_published_and_only_its_owner_reads_it(home: Path) -> None:
    state = create_signing_key(home, home / "bundles", now_ms=START_MS)
    assert state.signed == VERSIONS
    assert [key.id for key in state.trusted] == [state.signs_with]
    assert (home / SIGNING_KEY).stat().st_mode & 0o777 == 0o600
    assert (home / TRUSTED_KEYS).stat().st_mode & 0o777 == 0o644
    assert [opened(home, version) for version in VERSIONS] == list(VERSIONS)


def test_a_damaged_release_is_not_signed_with_the_others(home: Path) -> None:
    file = home / "bundles" / "second" / "numbers.npy"
    file.write_bytes(file.read_bytes()[:-1] + b"\xff")
    assert create_signing_key(home, home / "bundles", now_ms=START_MS).signed == ("first",)


def _unsigned(path: Path, _: Path) -> None:
    (path / SIGNATURE).unlink()


def _of_another_release(path: Path, other: Path) -> None:
    shutil.copy(other / SIGNATURE, path / SIGNATURE)


def _of_another_content(path: Path, _: Path) -> None:
    text = (path / MANIFEST).read_bytes().replace(b'"log_seq": 0', b'"log_seq": 9')
    checksum = hashlib.sha256(text).hexdigest()
    (path / MANIFEST).write_bytes(text)
    (path / MANIFEST_CHECKSUM).write_text(f"{checksum}  {MANIFEST}\n")


def _of_noise(path: Path, _: Path) -> None:
    (path / SIGNATURE).write_bytes(b"\x00\xff no signature")


def _of_a_forged_key(path: Path, other: Path) -> None:
    forger = other.parent.parent / "forger"
    forger.mkdir()
    create_signing_key(forger, forger / "bundles", now_ms=START_MS)
    key = read_signing_key(forger)
    assert key is not None
    (path / SIGNATURE).unlink()
    key.sign(path, (path / MANIFEST).read_bytes())


@pytest.mark.parametrize(
    ("forge", "reason"),
    [
        (_unsigned, "it is not signed"),
        (_of_another_release, "belongs to another content"),
        (_of_another_content, "belongs to another content"),
        (_of_noise, "it is not signed"),
        (_of_a_forged_key, "which is not trusted"),
    ],
)
def test_a_release_that_no_trusted_key_signed_is_refused_before_an_array_is_opened(
    home: Path, forge: Callable[[Path, Path], None], reason: str
) -> None:
    create_signing_key(home, home / "bundles", now_ms=START_MS)
    forge(home / "bundles" / "first", home / "bundles" / "second")
    (home / "bundles" / "first" / "numbers.npy").unlink()  # would be the error of whoever looks at the files first
    with pytest.raises(UntrustedBundle, match=reason):
        opened(home)
    assert opened(home, "second") == "second"


def test_a_release_under_another_name_is_refused_although_it_is_signed(home: Path) -> None:
    create_signing_key(home, home / "bundles", now_ms=START_MS)
    shutil.copytree(home / "bundles" / "first", home / "bundles" / "third")
    with pytest.raises(BadBundle, match="it holds the release 'first'"):
        opened(home, "third")


def test_an_older_key_stays_trusted_until_it_is_withdrawn(home: Path) -> None:
    old = create_signing_key(home, home / "bundles", now_ms=START_MS).signs_with
    assert old is not None
    kept = (home / "bundles" / "second" / SIGNATURE).read_bytes()
    state = create_signing_key(home, home / "bundles", now_ms=START_MS + 1)
    (home / "bundles" / "second" / SIGNATURE).write_bytes(
        kept
    )  # as one of another machine, signed by the old key alone
    assert [key.id for key in state.trusted] == [old, state.signs_with]
    assert [opened(home, version) for version in VERSIONS] == list(VERSIONS)
    assert distrust(home, old).trusted == state.trusted[1:]
    assert opened(home, "first") == "first"
    with pytest.raises(UntrustedBundle, match=f"signed by key {old}"):
        opened(home, "second")


def test_what_nobody_trusted_is_not_signed_by_a_rotation(home: Path) -> None:
    create_signing_key(home, home / "bundles", now_ms=START_MS)
    (home / "bundles" / "second" / SIGNATURE).unlink()
    assert create_signing_key(home, home / "bundles", now_ms=START_MS + 1).signed == ("first",)


def test_the_key_that_signs_cannot_be_withdrawn(home: Path) -> None:
    key = create_signing_key(home, home / "bundles", now_ms=START_MS).signs_with
    assert key is not None
    with pytest.raises(BadInput, match="make another first"):
        distrust(home, key)
    with pytest.raises(BadInput, match="no trusted key 'nobody'"):
        distrust(home, "nobody")
    assert signing_state(home).signs_with == key


@pytest.mark.parametrize("content", [None, b"", b"one word\n", b"\xff\n", b"0123456789abcdef AAAA 1\n"])
def test_without_its_list_of_keys_the_door_stays_closed(home: Path, content: bytes | None) -> None:
    create_signing_key(home, home / "bundles", now_ms=START_MS)
    (home / TRUSTED_KEYS).unlink()
    if content is not None:
        (home / TRUSTED_KEYS).write_bytes(content)
    with pytest.raises(UntrustedBundle):
        opened(home)


def test_a_named_list_of_keys_must_be_there(home: Path) -> None:
    with pytest.raises(UntrustedBundle, match="missing, so no release is trusted"):
        read_trusted_keys(home, home / "elsewhere.keys")


@pytest.mark.parametrize("content", [b"", b"-----BEGIN PRIVATE KEY-----\n", b"\xff\x00"])
def test_a_damaged_private_key_says_how_to_make_another(home: Path, content: bytes) -> None:
    create_signing_key(home, home / "bundles", now_ms=START_MS)
    (home / SIGNING_KEY).write_bytes(content)
    with pytest.raises(BadFile, match="--rotate"):
        read_signing_key(home)
    assert create_signing_key(home, home / "bundles", now_ms=START_MS).signed == VERSIONS


def test_a_private_key_that_others_can_read_is_not_used(home: Path) -> None:
    create_signing_key(home, home / "bundles", now_ms=START_MS)
    (home / SIGNING_KEY).chmod(0o640)
    with pytest.raises(BadFile, match="others can read the private key"):
        read_signing_key(home)
