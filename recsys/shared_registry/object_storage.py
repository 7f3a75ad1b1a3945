"""Object storage of the shared registry: S3 through s3fs, with conditional writes (If-Match, If-None-Match)."""

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

from recsys.errors import BadFile, BadSettings
from recsys.redaction import redacted

PART_BYTES = 16 * 2**20
_CHANGED = {"PreconditionFailed", "ConditionalRequestConflict", "412", "409"}
_MISSING = {"NoSuchKey", "404"}


class StoredObject(NamedTuple):
    """The content of an object and its ETag, which changes with the content."""

    content: bytes
    etag: str


class ObjectStorage:
    """Objects below `s3://bucket/prefix`.  Every method raises BadFile when the storage does not do it in time."""

    def __init__(self, url: str, timeout_s: float) -> None:
        """Raises BadSettings without s3fs.  Nothing is connected yet."""
        self.url = url.rstrip("/")
        self._bucket, _, self._prefix = self.url.removeprefix("s3://").partition("/")
        check_library(url)
        from s3fs import S3FileSystem

        waits = {"connect_timeout": timeout_s, "read_timeout": timeout_s, "retries": {"max_attempts": 1}}
        self._files: Any = S3FileSystem(config_kwargs=waits, use_listings_cache=False)
        self._files.retries = 1  # whoever polls tries again anyway

    def read(self, name: str) -> StoredObject | None:
        """The object, None where there is none."""
        from fsspec.asyn import sync

        with self._errors():
            try:
                return sync(self._files.loop, self._read, self._key(name))  # type: ignore[no-any-return]
            except OSError as error:
                if _code(error) in _MISSING:
                    return None
                raise

    def write(self, name: str, content: bytes) -> str:
        """Stores or replaces the object, and returns its ETag."""
        with self._errors():
            answer = self._files.call_s3("put_object", Bucket=self._bucket, Key=self._key(name), Body=content)
        return str(answer["ETag"])

    def write_if(self, name: str, content: bytes, etag: str | None) -> str | None:
        """Replaces the object that has that ETag, or makes one where there is none (None); returns the new ETag.

        None when somebody else changed it meanwhile; then nothing was written.
        """
        condition = {"IfNoneMatch": "*"} if etag is None else {"IfMatch": etag}
        with self._errors():
            try:
                key = self._key(name)
                answer = self._files.call_s3("put_object", Bucket=self._bucket, Key=key, Body=content, **condition)
            except OSError as error:
                if _code(error) in _CHANGED | _MISSING:
                    return None
                raise
        return str(answer["ETag"])

    def upload(self, name: str, file: Path) -> None:
        """Stores the file, in parts; the object appears when the last one is there."""
        with self._errors():
            self._files.put_file(str(file), f"{self._bucket}/{self._key(name)}", chunksize=PART_BYTES)

    def download(self, name: str, file: Path) -> None:
        """Reads the object into that file."""
        with self._errors():
            self._files.get_file(f"{self._bucket}/{self._key(name)}", str(file))

    def folders(self, folder: str) -> list[str]:
        """The names of the folders directly below that folder, sorted."""
        listing = self._listing("CommonPrefixes", Prefix=f"{self._key(folder)}/", Delimiter="/")
        return sorted(each["Prefix"].rstrip("/").rpartition("/")[2] for each in listing)

    def etags(self, folder: str) -> dict[str, str]:
        """The ETag of each object below that folder, by its name there."""
        start = f"{self._key(folder)}/"
        return {each["Key"].removeprefix(start): each["ETag"] for each in self._listing("Contents", Prefix=start)}

    def delete(self, name: str) -> None:
        """Deletes the object, if it is there."""
        with self._errors():
            self._files.call_s3("delete_object", Bucket=self._bucket, Key=self._key(name))

    def _listing(self, kind: str, **which: str) -> Iterator[dict[str, Any]]:
        more: dict[str, str] = {}
        while True:
            with self._errors():
                page: dict[str, Any] = self._files.call_s3("list_objects_v2", Bucket=self._bucket, **which, **more)
            yield from page.get(kind, [])
            if not page.get("IsTruncated"):
                return
            more = {"ContinuationToken": page["NextContinuationToken"]}

    async def _read(self, key: str) -> StoredObject:
        answer = await self._files._call_s3("get_object", Bucket=self._bucket, Key=key)
        async with answer["Body"] as body:
            return StoredObject(await body.read(), answer["ETag"])

    def _key(self, name: str) -> str:
        return f"{self._prefix}/{name}".lstrip("/")

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except Exception as error:  # s3fs, botocore and aiohttp have errors of their own
            reason = redacted(str(error) or type(error).__name__)
            raise BadFile(
                f"{self.url}: the registry does not answer ({reason}); check registry.url and the AWS_* variables"
            ) from error


def check_library(url: str) -> None:
    """Raises BadSettings where s3fs is not installed; loads nothing."""
    if find_spec("s3fs") is None:
        raise BadSettings(f"registry.url = {url}: s3fs is not here; pip install 'recsys-shop[s3]'")


def _code(error: OSError) -> str:
    """The code of S3 behind the error; "" without one."""
    cause: Any = error.__cause__
    return str(getattr(cause, "response", {}).get("Error", {}).get("Code", ""))
