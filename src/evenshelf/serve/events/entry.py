"""An event as a shop sends it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints

FIRST = datetime(1990, 1, 1, tzinfo=UTC)
"""No shop has earlier events, and databases end somewhere."""
AHEAD = timedelta(days=1)
"""So far may the clock of a sender be ahead of ours."""
MOST = 2**31 - 1


def _storable(text: str) -> str:
    if "\x00" in text:
        raise ValueError("must not hold the character NUL")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ValueError("holds half of a character, which is no text") from None
    return text


def _possible(moment: datetime) -> datetime:
    if moment < FIRST:
        raise ValueError(f"is before {FIRST:%Y-%m-%d}: is it a moment at all?")
    if moment > datetime.now(UTC) + AHEAD:
        raise ValueError("is more than a day in the future: is the clock of the sender right?")
    return moment


Name = Annotated[str, StringConstraints(min_length=1, max_length=256), AfterValidator(_storable)]
Text = Annotated[str, StringConstraints(max_length=1024), AfterValidator(_storable)]
Number = Annotated[float, Field(allow_inf_nan=False)]


class Event(BaseModel):
    """What somebody did with an item; the same columns as the shop's table of events."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {"event_id": "e-7f3a", "kind": "click", "item_id": "S000001", "user_id": "u42", "position": 3},
                {"event_id": "e-7f3b", "kind": "purchase", "item_id": "S000001", "user_id": "u42", "value": 1},
            ]
        },
    )

    event_id: Annotated[str, StringConstraints(min_length=1, max_length=128), AfterValidator(_storable)] = Field(
        description="names the event: one that comes again is counted once"
    )
    kind: Literal["impression", "view", "click", "cart", "purchase", "return", "rating"]
    item_id: Name
    time: Annotated[AwareDatetime, AfterValidator(_possible)] | None = Field(
        None, description="when, with a zone; when it was received if empty"
    )
    user_id: Name | None = None
    session_id: Name | None = None
    value: Number | None = Field(None, description="pieces of a purchase, return or cart; grade of a rating")
    price: Annotated[Number, Field(ge=0)] | None = Field(None, description="price of one piece at that moment")
    query: Text | None = Field(None, description="what was searched for when it happened")
    position: Annotated[int, Field(ge=1, le=MOST)] | None = Field(None, description="place in the list, from 1")
    propensity: Annotated[Number, Field(gt=0, le=1)] | None = Field(
        None, description="probability with which the item was shown there"
    )
    variant: Name | None = Field(None, description="arm of the experiment")

    def row(self, received: datetime) -> dict[str, Any]:
        """A row of the table of events."""
        return {**self.model_dump(), "received": received, "time": self.time or received}
