"""Randomization: a keyed hash of each customer into 10,000 buckets, the same on every machine and at any time."""

import hashlib
from collections.abc import Iterable
from functools import lru_cache

import numpy as np

from recsys.arrays import Ints

N_BUCKETS = 10_000


def bucket_of(salt: str, customer_id: str) -> int:
    """The bucket of a customer, 0 to N_BUCKETS - 1.  With another salt it says nothing about this one."""
    return _bucket(_keyed(salt), customer_id)


def buckets_of(salt: str, ids: Iterable[str]) -> Ints:
    """The bucket of each customer.  BLAKE2b with the salt as its key.  (N,)"""
    keyed = _keyed(salt)
    return np.fromiter((_bucket(keyed, customer_id) for customer_id in ids), np.int32)


@lru_cache(maxsize=64)
def _keyed(salt: str) -> "hashlib.blake2b":
    """Keyed once for each salt: a service asks for one customer after the other."""
    return hashlib.blake2b(digest_size=8, key=hashlib.blake2b(_bytes(salt), digest_size=32).digest())


def _bucket(keyed: "hashlib.blake2b", customer_id: str) -> int:
    state = keyed.copy()
    state.update(_bytes(customer_id))
    return int.from_bytes(state.digest(), "big") % N_BUCKETS


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")
