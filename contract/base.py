"""The base of every wire type."""

from datetime import date, datetime, time, timedelta, timezone
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field


class Wire(BaseModel):
    """Immutable; an unknown field is an error, so that a misspelt name is never silently dropped."""

    model_config = ConfigDict(extra="forbid", frozen=True)


# China has kept one time without summer time since 1992.
BEIJING = timezone(timedelta(hours=8))


def _in_beijing(moment: time) -> time:
    return moment if moment.tzinfo is None else datetime.combine(date.min + timedelta(days=1), moment).astimezone(BEIJING).time()


# A time of day of the shops. One that comes with a zone ("09:00Z") is put into theirs: it could be compared with no other.
LocalTime = Annotated[time, AfterValidator(_in_beijing)]
Box = Annotated[tuple[float, float, float, float], Field(description="x1, y1, x2, y2 in pixels of the original frame")]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$", description="SHA-256, lower-case hex")]
# Of whatever people read: a second line would look, in a message to many or on a notice, like words of the centre, and signs
# that turn the direction round make one name look like another.
ONE_LINE = r"^[^\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]*$"
Name = Annotated[str, Field(min_length=1, max_length=100, pattern=ONE_LINE)]
Identifier = Annotated[str, Field(pattern=r"^[0-9A-Za-z_-]{1,64}$")]
