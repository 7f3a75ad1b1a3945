"""Path and query parameters shared by routes."""

from typing import Annotated

from fastapi import Path, Query

from api.schemas.common import MAX_K
from recsys.data.store.validation import MAX_ID

_PRINTABLE = r"^[^\x00-\x1f\x7f]+$"


PathId = Annotated[str, Path(min_length=1, max_length=MAX_ID, pattern=_PRINTABLE, examples=["995242"])]


UserPathId = Annotated[str, Path(min_length=1, max_length=MAX_ID, pattern=_PRINTABLE, examples=["900"])]


K = Annotated[int, Query(ge=1, le=MAX_K, description="most items wanted")]
