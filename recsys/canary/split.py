"""Sticky split of the customers: a hash puts each into one of many buckets, and the first of these get the canary."""

from hashlib import blake2b

BUCKETS = 65_536


def bucket_of(user_id: str, version: str) -> int:
    """The bucket of a customer, in [0, BUCKETS): the same in every worker, at every time, and on every machine.

    version: of the canary; the salt, so that another canary meets other customers.
    """
    digest = blake2b(user_id.encode("utf-8", "surrogatepass"), digest_size=2, key=version.encode()[:64]).digest()
    return int.from_bytes(digest, "little")
