"""Randomization: a keyed hash of each customer into 10,000 buckets, the same on every machine and at any time."""

import hashlib
from collections.abc import Iterable

import numpy as np

from recsys.arrays import Ints

N_BUCKETS = 10_000


def bucket_of(salt: str, customer_id: str) -> int:
    """The bucket of a customer, 0 to N_BUCKETS - 1.  With another salt it says nothing about this one."""
    return int(buckets_of(salt, (customer_id,))[0])


def buckets_of(salt: str, ids: Iterable[str]) -> Ints:
    """The bucket of each customer.  BLAKE2b with the salt as its key.  (N,)"""
    keyed = hashlib.blake2b(digest_size=8, key=hashlib.blake2b(_bytes(salt), digest_size=32).digest())

    def bucket(customer_id: str) -> int:
        state = keyed.copy()
        state.update(_bytes(customer_id))
        return int.from_bytes(state.digest(), "big") % N_BUCKETS

    return np.fromiter(map(bucket, ids), np.int32)


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")
