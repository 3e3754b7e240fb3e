"""How long evidence is kept: configs/retention.yaml."""

from datetime import datetime, timedelta
from importlib.resources import files
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from api.cases.states import CaseState
from contract.yaml_text import parse

Days = Annotated[int, Field(ge=1, le=36600)] | None


class RetentionError(ValueError):
    """A table of retention that cannot be used; the message names the file and the field."""


class Retention(BaseModel):
    """Days after the end of a case; None: until a person deletes it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    dismissed: Days
    ended: Days
    transferred: Days

    def days_of(self, state: CaseState) -> int | None:
        """None for what is still open, too."""
        return {
            CaseState.DISMISSED: self.dismissed, CaseState.CLOSED: self.ended, CaseState.RECORDED: self.ended,
            CaseState.WITHDRAWN: self.ended, CaseState.TRANSFERRED: self.transferred,
        }.get(state)

    def ground(self, state: CaseState) -> str:
        """What is written down, and signed, where this table ends something: in both languages, for whoever reads it later."""
        days = self.days_of(state)
        return f"超过保存期限（{days} 天） retention: {days} days after {state}"

    def cuts(self, at: datetime) -> dict[CaseState, datetime]:
        """Of each state the moment before which a case must have come into it, for its evidence to go now."""
        days = {state: self.days_of(state) for state in CaseState}
        return {state: at - timedelta(days=count) for state, count in days.items() if count is not None}


def load_retention(path: Path | None) -> Retention:
    """The table at `path`, or the one that is shipped. Raises RetentionError."""
    source = path if path is not None else files("configs") / "retention.yaml"
    try:
        return Retention.model_validate(parse(source.read_text(encoding="utf-8")))
    except ValidationError as error:
        fields = "; ".join(f"{'.'.join(map(str, item['loc'])) or 'table'}: {item['msg']}" for item in error.errors()[:5])
        raise RetentionError(f"The retention table {source} cannot be used. {fields}.") from error
    except (OSError, ValueError) as error:
        raise RetentionError(f"The retention table {source} cannot be read. Name another one in SUNSHINE_RETENTION.") from error
