"""Made-up files like public data sets, for `recsys evaluate --train F --test F`: what is planted in them is known.

python -m tests.bench.lookalikes FOLDER
"""

import sys
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from numpy.random import Generator

Rows = list[tuple[object, ...]]


def interests(rng: Generator, n_users: int = 20_000, n_items: int = 40_000, n_groups: int = 300) -> tuple[Rows, Rows]:
    """5 to 50 items of each customer, of one to four interests and of what everybody takes; a fifth is held back."""
    size = 1 / np.arange(1, n_groups + 1) ** 0.6
    group = rng.choice(n_groups, n_items, p=size / size.sum())
    wanted = rng.permutation(1 / np.arange(1, n_items + 1) ** 0.8)
    members = [np.flatnonzero(group == one) for one in range(n_groups)]
    within = [wanted[some] / wanted[some].sum() if len(some) else np.empty(0) for some in members]
    of_group = np.array([wanted[some].sum() for some in members])
    near, rising = rng.integers(0, n_groups, (n_groups, 4)), np.cumsum(wanted / wanted.sum())
    train: Rows = []
    test: Rows = []
    for user in range(n_users):
        n = int(np.exp(rng.uniform(np.log(5), np.log(51))))
        first = rng.choice(n_groups, p=of_group / of_group.sum())
        groups = [first, *near[first][: rng.integers(0, 4)]]
        weight, taken, tries = rng.dirichlet(np.ones(len(groups))), set[int](), 0
        while len(taken) < n and tries < 20 * n:
            tries += 1
            if rng.random() < 0.25:
                taken.add(min(int(np.searchsorted(rising, rng.random())), n_items - 1))
            elif len(members[one := groups[rng.choice(len(groups), p=weight)]]):
                taken.add(int(rng.choice(members[one], p=within[one])))
        order = list(taken)
        rng.shuffle(order)
        held = max(1, len(order) // 5)
        test += [(f"u{user}", f"i{item}") for item in order[:held]]
        train += [(f"u{user}", f"i{item}") for item in order[held:]]
    return train, test


def orders(rng: Generator, n_users: int = 20_000, n_items: int = 12_000, n_groups: int = 400) -> tuple[Rows, Rows]:
    """What comes next often follows what came last, else it is of the same group or anything; the last is held back."""
    wanted, group = rng.permutation(1 / np.arange(1, n_items + 1) ** 0.7), rng.integers(0, n_groups, n_items)
    members = [np.flatnonzero(group == one) for one in range(n_groups)]
    rising = [np.cumsum(wanted[some]) / wanted[some].sum() for some in members]
    follows, of_all = rng.integers(0, n_items, (n_items, 5)), np.cumsum(wanted) / wanted.sum()
    train: Rows = []
    test: Rows = []
    for user in range(n_users):
        n, one = 5 + int(rng.geometric(0.2)), int(rng.integers(n_groups))
        now = int(members[one][np.searchsorted(rising[one], rng.random())])
        chain, start = [now], 1_400_000_000 + int(rng.integers(0, 3 * 365)) * 86_400
        while len(chain) < n:
            way = rng.random()
            if way < 0.45:
                now = int(follows[now][min(4, int(rng.geometric(0.45)) - 1)])
            elif way < 0.8:
                now = int(members[one][np.searchsorted(rising[one], rng.random())])
            else:
                now = int(np.searchsorted(of_all, rng.random()))
            if now not in chain:
                chain.append(now)
        times = start + np.cumsum(rng.integers(0, 20 * 86_400, n))
        rows: Rows = [(f"u{user}", f"i{item}", int(at)) for item, at in zip(chain, times, strict=True)]
        train += rows[:-1]
        test.append(rows[-1])
    return train, test


def baskets(rng: Generator, n_users: int = 5_000, n_items: int = 12_000, n_groups: int = 100) -> tuple[Rows, Rows]:
    """Favourites, each wanted more or less, the newer the more; the others of three groups; the last is held back."""
    wanted, group = rng.permutation(1 / np.arange(1, n_items + 1) ** 0.9), rng.integers(0, n_groups, n_items)
    members = [np.flatnonzero(group == one) for one in range(n_groups)]
    rising, of_all = [np.cumsum(wanted[some]) / wanted[some].sum() for some in members], np.cumsum(wanted)
    train: Rows = []
    test: Rows = []
    order = 0
    for user in range(n_users):
        groups, visits = rng.integers(0, n_groups, 3), int(rng.integers(4, 30))
        rng.integers(0, 365, visits)
        own: list[int] = []
        liking: list[float] = []
        for visit in range(1, visits + 1):
            basket: set[int] = set()
            for _ in range(1 + rng.poisson(6)):
                if own and rng.random() < 0.6 * rng.beta(4, 2) / 0.66:
                    share = np.array(liking) * 0.97 ** np.arange(len(liking))[::-1]
                    basket.add(own[rng.choice(len(own), p=share / share.sum())])
                elif rng.random() < 0.6:
                    one = groups[rng.integers(3)]
                    basket.add(int(members[one][np.searchsorted(rising[one], rng.random())]))
                else:
                    basket.add(int(np.searchsorted(of_all / of_all[-1], rng.random())))
            for item in basket - set(own):
                own.append(item)
                liking.append(rng.gamma(0.5) + 0.05)
            order += 1
            (test if visit == visits else train).extend((f"u{user}", f"i{item}", visit, f"o{order}") for item in basket)
    return train, test


def write(file: Path, header: str, rows: Iterable[tuple[object, ...]]) -> None:
    file.write_text("\n".join([header, *(",".join(map(str, row)) for row in rows)]) + "\n")


def main() -> None:
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    made = {
        "interests": ("user,item", interests(np.random.default_rng(4))),
        "orders": ("user,item,timestamp", orders(np.random.default_rng(1))),
        "baskets": ("user_id,item_id,time,order_id", baskets(np.random.default_rng(3))),
    }
    for name, (header, parts) in made.items():
        for part, rows in zip(("train", "test"), parts, strict=True):
            write(folder / f"{name}.{part}.csv", header, rows)


if __name__ == "__main__":
    main()
