"""Command `recsys lookalikes`: the customers most like those of a list, by a model that is learnt on the spot."""

from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Annotated, Any

import typer

from recsys.cli.context import live_recommender
from recsys.cli.output import AsJson, print_json, print_table
from recsys.errors import BadInput

UNKNOWN_SHOWN = 5
SEED = 0


def lookalikes(
    ctx: typer.Context,
    ids: Annotated[Path, typer.Argument(dir_okay=False, help="File with the ids: one column, or one called user_id.")],
    limit: Annotated[int, typer.Option(min=1, max=1_000_000, help="How many customers at most.")] = 100,
    csv: Annotated[Path | None, typer.Option(dir_okay=False, help="Write them to this file.")] = None,
    as_json: AsJson = False,
) -> None:
    """The customers most like those of a list, without its members and those who said no to marketing.

    A logistic model tells the members from the others by how they buy.  AUC says how well it tells members whom it did
    not learn from: 0.5 is chance.  A list of fewer than 50 customers with an order is refused.

    Example: recsys lookalikes ids.csv --limit 500 --csv campaign.csv
    """
    import numpy as np
    import polars as pl

    from recsys.data.files.spreadsheet_csv import write_csv
    from recsys.data.store.consent import marketing_consent
    from recsys.learning.customers.lookalikes import find_lookalikes
    from training.listed_customers import read_members

    store = ctx.obj.existing_store()
    recommender = live_recommender(ctx.obj, store)
    scores, users = recommender.engine.customer_scores, recommender.engine.users
    if not len(scores):
        raise BadInput("the live release has no scores of customers; run `recsys train`")
    may_be_named = marketing_consent(store, store.watermark(recommender.bundle.manifest).seq)
    members = read_members(ids, users, store)
    features = scores.features.astype(np.float64)
    alike = find_lookalikes(features, members.is_member, np.random.default_rng(SEED), limit=len(users))
    nameable = ((users[row], round(score, 4)) for row, score in alike.pairs() if may_be_named(users[row]))
    named = list(islice(nameable, limit))
    frame = pl.DataFrame(named, schema={"user_id": pl.String, "score": pl.Float64}, orient="row")
    if csv is not None:
        write_csv(frame, csv)
    said = {"members": int(members.is_member.sum()), "unknown": len(members.unknown), "held_out_auc": alike.auc}
    if as_json:
        result = {"lookalikes": frame.to_dicts()} if csv is None else {"file": str(csv)}
        print_json({"customers": len(frame), **said, "unknown_ids": list(members.unknown[:100]), **result})
        return
    if csv is None:
        rows = ((str(rank), user_id, f"{score:.3f}") for rank, (user_id, score) in enumerate(named, start=1))
        print_table(("", "customer", "score"), rows)
    for line in _words(said, members.unknown, len(frame), csv):
        typer.echo(line)


def _words(said: dict[str, Any], unknown: Sequence[str], n: int, csv: Path | None) -> Iterator[str]:
    yield f"{n} customers{f' written to {csv}' if csv is not None else ''}, like {said['members']} of the list"
    yield f"Held-out AUC {said['held_out_auc']:.3f}: the chance that a member scores higher than another; .5 is chance"
    if unknown:
        more = f" and {len(unknown) - UNKNOWN_SHOWN} more" if len(unknown) > UNKNOWN_SHOWN else ""
        yield f"Not known to the release: {', '.join(unknown[:UNKNOWN_SHOWN])}{more}"
