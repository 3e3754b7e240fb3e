"""The base of every wire type."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field


class Wire(BaseModel):
    """Immutable; an unknown field is an error, so that a misspelt name is never silently dropped."""

    model_config = ConfigDict(extra="forbid", frozen=True)


Box = Annotated[tuple[float, float, float, float], Field(description="x1, y1, x2, y2 in pixels of the original frame")]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$", description="SHA-256, lower-case hex")]
Identifier = Annotated[str, Field(pattern=r"^[0-9A-Za-z_-]{1,64}$")]
