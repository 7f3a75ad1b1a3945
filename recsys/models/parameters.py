"""What a hyper-parameter may be; checked where a learner is made from settings."""

from typing import Annotated

from pydantic import Field

Days = Annotated[float, Field(gt=0, description="days; inf never forgets")]
Amount = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Share = Annotated[float, Field(ge=0, le=1)]
Count = Annotated[int, Field(ge=1)]
