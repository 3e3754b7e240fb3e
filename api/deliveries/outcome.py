"""What came of one try to send."""

from dataclasses import dataclass

from api.deliveries.kinds import Fault

# Of an answer, and of a request in the log. An error document of the usual size fits.
LOGGED_CHARACTERS = 2000


@dataclass(frozen=True)
class Outcome:
    """It has arrived where there is no fault. `unclear`: it may have arrived, nobody knows."""

    request: str
    status: int | None = None
    answer: str = ""
    fault: Fault | None = None
    unclear: bool = False
    retry_after_s: float | None = None


def logged(text: str) -> str:
    """As it is kept: cut, and in characters that PostgreSQL keeps."""
    text = text.replace("\x00", "\ufffd")
    return text if len(text) <= LOGGED_CHARACTERS else text[:LOGGED_CHARACTERS] + " …"
