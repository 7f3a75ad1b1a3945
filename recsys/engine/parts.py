"""Optional engine parts: what a release may hold besides its models, and how each part is stored and opened.

A new part is a module of its own and one line in `EngineParts`; `recsys.learning.engine_parts` says how it is learned.
"""

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field, fields
from typing import Annotated, Any

from recsys.arrays import AnyArray
from recsys.bundle import Bundle
from recsys.bundle.array_spec import Specs
from recsys.customers.contact_times import ContactTimes
from recsys.customers.history.stored_orders import StoredOrders
from recsys.customers.prediction.needs import CategoryNeeds, NeedsModel
from recsys.customers.prediction.scored import CustomerScores
from recsys.customers.table import CustomerTable
from recsys.engine.calibration import Calibration, calibration_arrays, calibration_specs, read_calibrations
from recsys.engine.candidate_cache import CandidateCache, PrecomputedCandidates
from recsys.engine.new_items import NEW_ITEMS_FOLDER, NewItems
from recsys.engine.recent_buyers import RecentBuyers
from recsys.engine.repurchase import RepurchaseIntervals
from recsys.engine.unnumbered_events import UnnumberedEvents
from recsys.models.segments import SegmentsModel


@dataclass(frozen=True, slots=True)
class EnginePart:
    """How a part is stored.  folder: of its arrays in a bundle.  read: the part from its arrays.

    specs: what each array must be, given the names of all.
    arrays: everything a part holds, by name; a part whose arrays are all empty is not stored.
    """

    folder: str
    arrays: Callable[[Any], Mapping[str, AnyArray]]
    read: Callable[[Mapping[str, AnyArray]], Any]
    specs: Callable[[Collection[str]], Specs]


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineParts:
    """The parts, one field each; the names of the folders are those of the first releases.

    The default of a field is its value in a release without that folder.

    segments: what users of one kind want more than others; None where no user has attributes, without items where these
    tell nothing.
    calibrations: from score to purchase probability, by candidate source.
    new_items: items that came lately and that nobody has chosen yet.  repurchase: how often each item is bought again.
    unnumbered_events: of customers, with items that came since the training; only in the release of a refresh.
    customers: who the customers are; empty in an older release, and in one that is made to be judged alone.
    customer_orders: what each customer bought and when; empty where `customers` is.
    customer_scores: value, churn, propensity and cluster of each customer; empty where `customers` is.
    recent_buyers: how many customers bought each item in the last month.
    needs: the chance to buy again by horizon; None where there was too little to learn it from.
    category_needs: the same of categories.
    contact_times: best hour and day, and the evidence for them; empty where `customers` is.
    candidate_cache: candidates found by training and by earlier requests.
    """

    segments: Annotated[
        SegmentsModel | None,
        EnginePart("segments", SegmentsModel.arrays, SegmentsModel.from_arrays, SegmentsModel.specs),
    ] = None
    calibrations: Annotated[
        Mapping[str, Calibration], EnginePart("chances", calibration_arrays, read_calibrations, calibration_specs)
    ] = field(default_factory=dict)
    new_items: Annotated[
        NewItems, EnginePart(NEW_ITEMS_FOLDER, NewItems.arrays, NewItems.from_arrays, NewItems.specs)
    ] = field(default_factory=NewItems)
    repurchase: Annotated[
        RepurchaseIntervals,
        EnginePart("rhythm", RepurchaseIntervals.arrays, RepurchaseIntervals.from_arrays, RepurchaseIntervals.specs),
    ] = field(default_factory=RepurchaseIntervals)
    unnumbered_events: Annotated[
        UnnumberedEvents,
        EnginePart("unnumbered", UnnumberedEvents.arrays, UnnumberedEvents.from_arrays, UnnumberedEvents.specs),
    ] = field(default_factory=UnnumberedEvents)
    customers: Annotated[
        CustomerTable,
        EnginePart("customers", CustomerTable.arrays, CustomerTable.from_arrays, CustomerTable.specs),
    ] = field(default_factory=CustomerTable)
    customer_orders: Annotated[
        StoredOrders,
        EnginePart("customer_orders", StoredOrders.arrays, StoredOrders.from_arrays, StoredOrders.specs),
    ] = field(default_factory=StoredOrders)
    customer_scores: Annotated[
        CustomerScores,
        EnginePart("customer_scores", CustomerScores.arrays, CustomerScores.from_arrays, CustomerScores.specs),
    ] = field(default_factory=CustomerScores)
    recent_buyers: Annotated[
        RecentBuyers,
        EnginePart("recent_buyers", RecentBuyers.arrays, RecentBuyers.from_arrays, RecentBuyers.specs),
    ] = field(default_factory=RecentBuyers)
    needs: Annotated[
        NeedsModel | None, EnginePart("needs", NeedsModel.arrays, NeedsModel.from_arrays, NeedsModel.specs)
    ] = None
    category_needs: Annotated[
        CategoryNeeds | None,
        EnginePart("category_needs", CategoryNeeds.arrays, CategoryNeeds.from_arrays, CategoryNeeds.specs),
    ] = None
    contact_times: Annotated[
        ContactTimes,
        EnginePart("contact_times", ContactTimes.arrays, ContactTimes.from_arrays, ContactTimes.specs),
    ] = field(default_factory=ContactTimes)
    candidate_cache: Annotated[
        CandidateCache,
        EnginePart("prepared", CandidateCache.arrays, CandidateCache.from_arrays, PrecomputedCandidates.specs),
    ] = field(default_factory=CandidateCache, compare=False)


def part_arrays(engine: EngineParts) -> dict[str, AnyArray]:
    """The arrays of all parts, for a bundle."""
    arrays: dict[str, AnyArray] = {}
    for name, stored in parts_of(type(engine)):
        value = getattr(engine, name)
        own = stored.arrays(value) if value is not None else {}
        if any(array.size for array in own.values()):
            arrays |= {f"{stored.folder}/{key}": array for key, array in own.items()}
    return arrays


def read_parts(bundle: Bundle, engine: type[EngineParts]) -> dict[str, Any]:
    """The parts that the bundle holds, by name; an older release may lack some."""
    parts: dict[str, Any] = {}
    for name, stored in parts_of(engine):
        names = bundle.names_below(stored.folder)
        if names:
            parts[name] = stored.read(bundle.checked(stored.folder, stored.specs(names)))
    return parts


def parts_of(engine: type[EngineParts]) -> Iterator[tuple[str, EnginePart]]:
    """The optional parts by the names of their fields."""
    for column in fields(engine):
        for note in getattr(column.type, "__metadata__", ()):
            if isinstance(note, EnginePart):
                yield column.name, note
