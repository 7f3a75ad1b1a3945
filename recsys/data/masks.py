"""Masks over all items that were worked out for one state of a catalogue, for the next who ask the same."""

from recsys.arrays import Bools

MOST_BYTES = 8 * 2**20  # a worker's


class Masks:
    """By the text of the filter; those asked for lately stay.  Any number of threads may use it."""

    def __init__(self, most_bytes: int = MOST_BYTES) -> None:
        self._most_bytes = most_bytes
        self._found: dict[str, Bools] = {}

    def find(self, text: str) -> Bools | None:
        """The mask, which is read-only."""
        mask = self._found.pop(text, None)
        if mask is not None:
            self._found[text] = mask
        return mask

    def keep(self, text: str, mask: Bools) -> None:
        self._found[text] = mask
        while len(self._found) > max(self._most_bytes // len(mask), 1) if len(mask) else 1:
            self._found.pop(next(iter(self._found), text), None)
