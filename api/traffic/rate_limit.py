"""Rate limit of each API key, and of each address without one: token buckets that all workers of a machine share."""

import fcntl
import ipaddress
import math
import mmap
import os
import struct
import time
from functools import lru_cache
from hashlib import blake2b
from pathlib import Path
from typing import NamedTuple

import structlog

from api.auth.authentication import Grant
from api.settings import LimitSettings

log = structlog.get_logger()

UNLIMITED = frozenset({"/livez", "/readyz"})  # health probes must not be told to wait
_BUCKETS = 8_192
_SLOTS = 8
# A tag, and when its bucket will be full again, by the monotonic clock of the machine.
_BUCKET = struct.Struct("<" + "Qd" * _SLOTS)
_SLOT = struct.Struct("<Qd")
_MAX_DEBT_S = 60.0  # a batch that took more than the bucket holds is waited for no longer
_TRIES = 200  # of half a microsecond: a worker that holds the lock longer is stopped, and the others do not wait


class Bucket(NamedTuple):
    """Requests a second on average, and requests at once."""

    per_s: float
    burst: int


class RateLimitDecision(NamedTuple):
    """Whether a request may be answered; wait_s: until the next may; full_s: until the bucket is full again."""

    is_allowed: bool
    limit: int
    left: int
    wait_s: float
    full_s: float

    def headers(self) -> list[tuple[bytes, bytes]]:
        """The headers of the answer, in whole seconds rounded up."""
        headers = [
            (b"ratelimit-limit", b"%d" % self.limit),
            (b"ratelimit-remaining", b"%d" % self.left),
            (b"ratelimit-reset", b"%d" % math.ceil(self.full_s)),
        ]
        if not self.is_allowed:
            headers.append((b"retry-after", b"%d" % max(1, math.ceil(self.wait_s))))
        return headers


class RateLimiter:
    """Limits for keys and for addresses, as far as the settings set them."""

    def __init__(self, settings: LimitSettings, file: Path) -> None:
        self._key = _bucket(settings.key_per_s, settings.key_burst)
        self._address = _bucket(settings.address_per_s, settings.address_burst)
        self.is_on = self._key is not None or self._address is not None
        self._buckets = TokenBuckets(file) if self.is_on else None

    def take(self, grant: Grant, address: str, path: str) -> RateLimitDecision | None:
        """Counts a request of that key, or of that address when it has no valid key; None without a limit."""
        bucket = self._key if grant.key_id else self._address
        if bucket is None or self._buckets is None or path in UNLIMITED:
            return None
        tag = grant.tag if grant.key_id else tag_of_address(address)
        return self._buckets.take(tag, bucket, time.monotonic())

    def charge(self, grant: Grant, address: str, n: int) -> None:
        """Counts n more requests for one that is answered already: it holds the work of many."""
        bucket = self._key if grant.key_id else self._address
        if bucket is not None and self._buckets is not None and n > 0:
            tag = grant.tag if grant.key_id else tag_of_address(address)
            self._buckets.charge(tag, bucket, time.monotonic(), n)

    def close(self) -> None:
        if self._buckets is not None:
            self._buckets.close()


class TokenBuckets:
    """Buckets in a file that every worker maps.  When the file cannot be made, each worker counts for itself.

    A bucket is one number, the time at which it will be full again (virtual scheduling, ITU-T I.371 annex A).  Each
    request moves it by 1 / per_s; a request that would move it more than burst / per_s ahead of now is refused.
    """

    def __init__(self, file: Path) -> None:
        self._lock, self._handle = None, -1
        size = _BUCKETS * _BUCKET.size
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            self._lock = file.open("a+b")
            os.posix_fallocate(self._lock.fileno(), 0, size)  # a hole in a mapped file is a SIGBUS on a full disk
            self._map = mmap.mmap(self._lock.fileno(), size)
            self._handle = self._lock.fileno()
        except OSError as error:
            log.warning("limits_not_shared", detail=str(error))
            self._map = mmap.mmap(-1, size)

    def take(self, tag: int, bucket: Bucket, now: float) -> RateLimitDecision:
        """Counts one request at that time on the machine's monotonic clock."""
        each_s = 1.0 / bucket.per_s
        most_s = bucket.burst * each_s
        has_lock = self._try_lock()
        try:
            while True:
                at, seen, full_at = self._find(tag)
                if not now <= full_at <= now + most_s + _MAX_DEBT_S:  # later: written before a restart of the machine
                    full_at = now
                after = full_at + each_s
                is_allowed = after - now <= most_s
                if not is_allowed or self._replace(at, seen, tag, after):
                    break
        finally:
            if has_lock:
                fcntl.flock(self._handle, fcntl.LOCK_UN)
        if is_allowed:
            return RateLimitDecision(True, bucket.burst, int((most_s - (after - now)) * bucket.per_s), 0.0, after - now)
        return RateLimitDecision(False, bucket.burst, 0, after - now - most_s, full_at - now)

    def charge(self, tag: int, bucket: Bucket, now: float, n: int) -> None:
        """Counts n requests, allowed or not, at most until the bucket is empty and _MAX_DEBT_S more."""
        latest = now + bucket.burst / bucket.per_s + _MAX_DEBT_S
        has_lock = self._try_lock()
        try:
            while True:
                at, seen, full_at = self._find(tag)
                full_at = full_at if now <= full_at <= latest else now
                if self._replace(at, seen, tag, min(full_at + n / bucket.per_s, latest)):
                    break
        finally:
            if has_lock:
                fcntl.flock(self._handle, fcntl.LOCK_UN)

    def close(self) -> None:
        self._map.close()
        if self._lock is not None:
            self._lock.close()

    def _find(self, tag: int) -> tuple[int, bytes, float]:
        """The offset, the bytes and the value of the slot of a tag; a new tag takes the slot that was quiet longest."""
        start = tag % _BUCKETS * _BUCKET.size
        seen = self._map[start : start + _BUCKET.size]
        slots = _BUCKET.unpack(seen)
        tags = slots[::2]
        if tag in tags:
            slot, full_at = tags.index(tag), slots[2 * tags.index(tag) + 1]
        else:
            times = slots[1::2]
            slot, full_at = times.index(min(times)), 0.0
        at = slot * _SLOT.size
        return start + at, seen[at : at + _SLOT.size], full_at

    def _replace(self, at: int, seen: bytes, tag: int, full_at: float) -> bool:
        """Writes a slot; False where it is no longer as it was seen, because others counted while this one stood."""
        if self._map[at : at + _SLOT.size] != seen:
            return False
        _SLOT.pack_into(self._map, at, tag, full_at)
        return True

    def _try_lock(self) -> bool:
        """Locks out the other workers; False when a stopped worker holds the lock, which must not stop this one."""
        for _ in range(_TRIES if self._handle >= 0 else 0):
            try:
                fcntl.flock(self._handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                continue
            return True
        return False


@lru_cache(4_096)
def tag_of_address(address: str) -> int:
    """The number of an address; of an IPv6 address that of its /64 network, because one client has 2^64 of those."""
    try:
        parsed = ipaddress.ip_address(address)
        if parsed.version == 6:
            address = str(ipaddress.ip_network((parsed, 64), strict=False))
    except ValueError:
        pass  # a socket file, or a test
    return int.from_bytes(blake2b(address.encode(), digest_size=8).digest(), "little") or 1


def _bucket(per_s: float, burst: int) -> Bucket | None:
    if per_s <= 0:
        return None
    return Bucket(per_s, burst or max(1, math.ceil(2 * per_s)))
