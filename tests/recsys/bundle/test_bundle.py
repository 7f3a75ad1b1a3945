"""A bundle returns the arrays that were written, or names the file that is damaged."""

import hashlib
import os
import shutil
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays, scalar_dtypes

from recsys.arrays import AnyArray
from recsys.atomic_file import replace_file
from recsys.bundle import (
    LIVE,
    MANIFEST,
    MANIFEST_CHECKSUM,
    Bundle,
    Manifest,
    bundle_path,
    live_version,
    open_bundle,
    write_bundle,
)
from recsys.bundle.bundle import link_files
from recsys.errors import BadBundle

VECTORS = "models/als/item_vectors"
FILES = (MANIFEST, MANIFEST_CHECKSUM, f"{VECTORS}.npy", "models/als/alpha.npy", "index.faiss")


def manifest(version: str = "20260102T030405Z-beef", **more: Any) -> Manifest:
    return Manifest(version=version, made_at_ms=1_767_323_045_000, now=20_455.0, **more)


def write(directory: Path) -> Bundle:
    contents: dict[str, AnyArray] = {
        VECTORS: np.arange(4_000, dtype=np.float32).reshape(500, 8),
        "models/als/alpha": np.array(40.0),
        "ids/offsets": np.arange(9),
    }
    return write_bundle(directory, contents, manifest(), put_index)


def put_index(path: Path) -> None:
    (path / "index.faiss").write_bytes(b"an index")


def rewrite_manifest(bundle: Path, change: Callable[[dict[str, Any]], Any]) -> None:
    """Rewrites the manifest with a matching checksum, as a buggy or hostile writer could."""
    fields = orjson.loads((bundle / MANIFEST).read_bytes())
    change(fields)
    text = orjson.dumps(fields)
    (bundle / MANIFEST).write_bytes(text)
    (bundle / MANIFEST_CHECKSUM).write_text(f"{hashlib.sha256(text).hexdigest()}  {MANIFEST}\n")


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(tmp_path_factory.mktemp("original") / "bundle").path


@pytest.fixture
def made(original: Path, tmp_path: Path) -> Path:
    return shutil.copytree(original, tmp_path / "bundle")


def test_written_arrays_and_files_are_read_back(made: Path) -> None:
    bundle = open_bundle(made)
    assert bundle.names == ("ids/offsets", "models/als/alpha", VECTORS)
    np.testing.assert_array_equal(bundle.array(VECTORS), np.arange(4_000, dtype=np.float32).reshape(500, 8))
    assert bundle.array("models/als/alpha").shape == ()
    assert bundle.file("index.faiss").read_bytes() == b"an index"
    assert bundle.manifest == write(made.parent / "again").manifest


def test_a_group_is_named_by_what_follows_its_prefix(made: Path) -> None:
    group = open_bundle(made).group("models/als")
    assert sorted(group) == ["alpha", "item_vectors"]
    assert group["alpha"] == 40.0


@settings(max_examples=40, deadline=None)
@given(array=arrays(scalar_dtypes(), array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=40)))
def test_every_plain_array_survives_with_its_type_and_shape(
    tmp_path_factory: pytest.TempPathFactory, array: AnyArray
) -> None:
    directory = tmp_path_factory.mktemp("any")
    write_bundle(directory, {"it": array}, manifest())
    read = open_bundle(directory).array("it")
    assert (read.dtype, read.shape) == (array.dtype, array.shape)
    np.testing.assert_array_equal(read, array)


def test_big_arrays_are_mapped_and_small_ones_are_read(made: Path) -> None:
    open_bundle(made).array("ids/offsets")
    assert str(made) not in Path("/proc/self/maps").read_text()
    held = open_bundle(made).array(VECTORS)
    assert f"{made}/{VECTORS}.npy" in Path("/proc/self/maps").read_text()
    assert type(held) is np.ndarray


@pytest.mark.parametrize("name", [VECTORS, "models/als/alpha"])
def test_no_array_can_be_written_to(made: Path, name: str) -> None:
    array = open_bundle(made).array(name)
    with pytest.raises(ValueError, match="read-only"):
        array[...] = 0


def test_an_opened_array_outlives_its_file(made: Path) -> None:
    array = open_bundle(made).array(VECTORS)
    (made / f"{VECTORS}.npy").unlink()
    assert array[499, 7] == 3_999


def test_the_same_content_gives_the_same_digests_in_any_memory_order(tmp_path: Path) -> None:
    array = np.arange(6.0).reshape(2, 3)
    first = write_bundle(tmp_path / "c", {"it": array}, manifest())
    second = write_bundle(tmp_path / "fortran", {"it": np.asfortranarray(array)}, manifest())
    assert first.manifest.files == second.manifest.files


def test_only_the_owner_may_read_a_bundle_whatever_the_umask(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        write(tmp_path / "bundle")
    finally:
        os.umask(before)
    modes = {
        path.is_dir(): path.stat().st_mode & 0o777 for path in (tmp_path / "bundle", *(tmp_path / "bundle").rglob("*"))
    }
    assert modes == {True: 0o700, False: 0o600}


def test_the_manifest_takes_numbers_of_numpy(tmp_path: Path) -> None:
    metrics = {"ndcg": np.float32(0.5), "customers": np.int64(3), "curve": np.arange(2), "none": float("nan")}
    write_bundle(tmp_path / "b", {}, manifest(metrics=metrics))
    assert open_bundle(tmp_path / "b").manifest.metrics == {
        "ndcg": 0.5,
        "customers": 3,
        "curve": [0, 1],
        "none": None,
    }


@pytest.mark.parametrize("name", ["../x", "/etc/x", "a//b", "a/../b", ".hidden", "", "a b", "a\x00b", "a/", "é"])
def test_a_name_that_leads_elsewhere_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(BadBundle, match="no name for a file"):
        write_bundle(tmp_path / "b", {name: np.zeros(1)}, manifest())


@pytest.mark.parametrize("has_links", [True, False])
def test_a_bundle_shares_files_of_another_one_or_copies_them_where_the_disk_has_no_links(
    made: Path, tmp_path: Path, has_links: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not has_links:
        monkeypatch.setattr(os, "link", lambda *_, **__: (_ for _ in ()).throw(OSError("no links here")))
    source = open_bundle(made)
    shared = [name for name in source.manifest.files if name.endswith(".npy")]
    other = write_bundle(tmp_path / "other", {}, manifest(), lambda folder: link_files(source, folder, shared))
    assert {name: other.manifest.files[name] for name in shared} == {
        name: source.manifest.files[name] for name in shared
    }
    assert {source.file(name).samefile(other.file(name)) for name in shared} == {has_links}
    open_bundle(other.path)


def test_arrays_of_objects_are_refused(tmp_path: Path) -> None:
    with pytest.raises(BadBundle, match="'names' of object"):
        write_bundle(tmp_path / "b", {"names": np.array(["a", None], object)}, manifest())


def test_a_directory_in_use_is_never_written_again(made: Path) -> None:
    with pytest.raises(BadBundle, match="written once"):
        write(made)


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("verify", [True, False])
def test_a_missing_file_is_named(made: Path, name: str, verify: bool) -> None:
    (made / name).unlink()
    with pytest.raises(BadBundle, match=f"{name.removesuffix('.sha256')}: cannot be read .*rollback"):
        open_bundle(made, verify=verify)


@pytest.mark.parametrize("name", [f"{VECTORS}.npy", "models/als/alpha.npy", "index.faiss"])
@pytest.mark.parametrize("damage", [lambda content: content[:-1], lambda content: content + b"\0", lambda _: b""])
def test_a_changed_size_is_seen_without_reading_the_file(
    made: Path, name: str, damage: Callable[[bytes], bytes]
) -> None:
    (made / name).write_bytes(damage((made / name).read_bytes()))
    with pytest.raises(BadBundle, match=f"{name}: .* bytes, the manifest says"):
        open_bundle(made, verify=False)


@settings(max_examples=60, deadline=None)
@given(name=st.sampled_from(FILES), data=st.data())
def test_every_flipped_bit_is_detected(
    original: Path, tmp_path_factory: pytest.TempPathFactory, name: str, data: st.DataObject
) -> None:
    made = shutil.copytree(original, tmp_path_factory.mktemp("flip") / "b")
    content = bytearray((made / name).read_bytes())
    digest_only = 64 if name == MANIFEST_CHECKSUM else len(content)
    bit = data.draw(st.integers(0, 8 * digest_only - 1))
    content[bit // 8] ^= 1 << bit % 8
    (made / name).write_bytes(content)
    with pytest.raises(BadBundle, match=name.removesuffix(".sha256")):
        open_bundle(made)


@pytest.mark.filterwarnings("ignore:Data type alias:DeprecationWarning")  # NumPy's, of a damaged header it can read
@settings(max_examples=80, deadline=None)
@example(position=22, byte=ord("a"), name=VECTORS)
@given(position=st.integers(0, 127), byte=st.integers(0, 255), name=st.sampled_from([VECTORS, "models/als/alpha"]))
def test_an_unverified_damaged_header_is_an_error_or_an_array_but_never_a_crash(
    original: Path, tmp_path_factory: pytest.TempPathFactory, name: str, position: int, byte: int
) -> None:
    made = shutil.copytree(original, tmp_path_factory.mktemp("header") / "b")
    content = bytearray((made / f"{name}.npy").read_bytes())
    content[position] = byte
    (made / f"{name}.npy").write_bytes(content)
    with suppress(BadBundle):
        assert type(open_bundle(made, verify=False).array(name)) is np.ndarray


@pytest.mark.parametrize(
    "text", [b"", b"{", b"[]", b"null", b'"format"', b"\xff\xfe", b'{"format": 1}', b'{"format": "1"}']
)
def test_a_text_that_is_no_manifest_is_refused(made: Path, text: bytes) -> None:
    (made / MANIFEST).write_bytes(text)
    (made / MANIFEST_CHECKSUM).write_text(f"{hashlib.sha256(text).hexdigest()}  {MANIFEST}\n")
    with pytest.raises(BadBundle, match=MANIFEST):
        open_bundle(made)


def test_another_format_says_what_this_build_reads(made: Path) -> None:
    rewrite_manifest(made, lambda fields: fields.update(format=2))
    with pytest.raises(BadBundle, match="format 2, this build reads 1; train again or upgrade"):
        open_bundle(made)


@pytest.mark.parametrize("name", ["../secret", "/etc/passwd", "a/../../secret", "..", "."])
def test_a_manifest_cannot_lead_out_of_its_directory(made: Path, name: str) -> None:
    (made.parent / "secret").write_bytes(b"x")
    checksum = {"sha256": hashlib.sha256(b"x").hexdigest(), "bytes": 1}
    rewrite_manifest(made, lambda fields: fields["files"].update({name: checksum}))
    with pytest.raises(BadBundle, match="no name for a file"):
        open_bundle(made)


def test_a_link_or_a_folder_in_place_of_a_file_is_refused(made: Path) -> None:
    file = made / "index.faiss"
    file.rename(made.parent / "elsewhere")
    file.symlink_to(made.parent / "elsewhere")
    with pytest.raises(BadBundle, match="no regular file"):
        open_bundle(made)
    file.unlink()
    file.mkdir()
    with pytest.raises(BadBundle, match="no regular file"):
        open_bundle(made)


def test_a_missing_array_or_file_says_to_train_again(made: Path) -> None:
    bundle = open_bundle(made)
    for read in (lambda: bundle.array("models/ease/b"), lambda: bundle.group("models/ea"), lambda: bundle.file("x")):
        with pytest.raises(BadBundle, match="train again"):
            read()


def test_a_folder_without_a_bundle_says_so(tmp_path: Path) -> None:
    with pytest.raises(BadBundle, match=r"manifest.json: cannot be read \(No such file"):
        open_bundle(tmp_path / "nowhere")


def test_nothing_is_live_before_the_first_promotion(tmp_path: Path) -> None:
    assert live_version(tmp_path) is None
    assert live_version(tmp_path / "nowhere") is None


def test_the_live_version_is_the_line_of_its_file(tmp_path: Path) -> None:
    replace_file(tmp_path / LIVE, b"20260102T030405Z-beef\n")
    assert live_version(tmp_path) == "20260102T030405Z-beef"
    assert bundle_path(tmp_path, "20260102T030405Z-beef") == tmp_path / "20260102T030405Z-beef"


@pytest.mark.parametrize(
    "content", [b"", b"\n", b"../../etc", b".making-x", b"LIVE", b"a b", b"\xff", b"a\nb", b"a" * 999 + b"/"]
)
def test_a_damaged_live_file_is_an_error_not_a_path(tmp_path: Path, content: bytes) -> None:
    (tmp_path / LIVE).write_bytes(content)
    with pytest.raises(BadBundle, match="recsys rollback VERSION"):
        live_version(tmp_path)
