"""Memory size of texts and attributes, as the bounds of caches count it: quick to say, and rather too much."""

from collections.abc import Mapping
from typing import Final

OBJECT_BYTES: Final = 64  # of any small Python object


def text_bytes(text: str | None) -> int:
    """Bytes of a text, 0 for none; the same at any time, unlike `sys.getsizeof`."""
    if not text:
        return 0
    return OBJECT_BYTES + (len(text) if text.isascii() else 4 * len(text))


def attribute_bytes(attributes: Mapping[str, object]) -> int:
    """Bytes of attributes by name: texts, numbers or lists of them."""
    return sum(text_bytes(name) + _value_bytes(value) for name, value in attributes.items())


def _value_bytes(value: object) -> int:
    if isinstance(value, str):
        return text_bytes(value)
    return sum(map(_value_bytes, value)) + OBJECT_BYTES if isinstance(value, list | tuple) else OBJECT_BYTES
