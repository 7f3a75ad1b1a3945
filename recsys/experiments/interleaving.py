"""Team-draft interleaving: two rankings in one list, each item credited to the ranking that picked it.

Radlinski, Kurup & Joachims 2008, algorithm 2: in each round a coin says which team picks first.
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from recsys.experiments.definition import ArmName


def team_draft(a: Sequence[str], b: Sequence[str], k: int, coins: Iterator[bool]) -> list[tuple[str, ArmName]]:
    """The first k different items of both, each with the team that picked it.  coins: whether A picks first."""
    picked: dict[str, ArmName] = {}
    ranked: dict[ArmName, Iterator[str]] = {"A": iter(a), "B": iter(b)}
    left = {"A", "B"}
    while left and len(picked) < k:
        teams: tuple[ArmName, ArmName] = ("A", "B") if next(coins) else ("B", "A")
        for team in teams:
            item = next((item for item in ranked[team] if item not in picked), None)
            if item is None:
                left.discard(team)
            elif len(picked) < k:
                picked[item] = team
    return list(picked.items())


def coin_flips(*seeds: str) -> Iterator[bool]:
    """An endless row of fair coins, the same for the same seeds: a list that is shown again is the same list."""
    seed, block = "\n".join(seeds).encode("utf-8", "surrogatepass"), 0
    while True:
        for byte in hashlib.blake2b(block.to_bytes(4, "big") + seed, digest_size=32).digest():
            yield byte % 2 == 0
        block += 1


def interleaved(a: Mapping[str, Any], b: Mapping[str, Any], coins: Iterator[bool]) -> dict[str, Any]:
    """One list from those of both variants, as JSON types: as long as the longer one, `team` beside each item.

    The fallback level and the model version are those of A.
    """
    items = {team: {item["item_id"]: item for item in part["items"]} for team, part in (("A", a), ("B", b))}
    picks = team_draft([*items["A"]], [*items["B"]], max(map(len, items.values())), coins)
    merged = [
        {**items[team][item_id], "rank": rank, "team": team} for rank, (item_id, team) in enumerate(picks, start=1)
    ]
    return {**a, "items": merged}
