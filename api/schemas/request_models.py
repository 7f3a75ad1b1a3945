"""Request models by route, for bodies that are parsed by hand."""

from pydantic import BaseModel

from api.schemas.audience import AudienceIn
from api.schemas.events import EventIn, EventsIn
from api.schemas.explain import ExplainIn
from api.schemas.items import ItemFields, ItemIn, ItemsIn
from api.schemas.rank import RankIn
from api.schemas.recommendations import BatchIn, RecommendationsIn
from api.schemas.rules import RulesTryIn
from api.schemas.users import MergeIn, UserFields, UserIn, UsersIn
from recsys.ranking.rules.parser import RulesIn

REQUEST_MODELS: tuple[type[BaseModel], ...] = (
    RecommendationsIn,
    BatchIn,
    EventIn,
    EventsIn,
    ItemFields,
    ItemIn,
    ItemsIn,
    ExplainIn,
    RankIn,
    RulesIn,
    RulesTryIn,
    UserFields,
    UserIn,
    UsersIn,
    MergeIn,
    AudienceIn,
)
