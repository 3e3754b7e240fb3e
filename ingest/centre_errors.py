"""Every way in which a request to the centre can fail, and which of them an answer means."""

from email.utils import parsedate_to_datetime
from typing import TypeVar

import httpx
from pydantic import BaseModel, ValidationError

# A centre that asks for more is asked again after an hour all the same: a typing error there must not silence an edge.
LONGEST_WAIT_S = 3600.0
# The centre has read the request and would say the same again now. Everything else may be an obstacle on the way (a proxy, a
# captive portal, a restart), so it is tried again; as are these where they are no problem of the centre's own (RFC 9457).
PERMANENT = frozenset({400, 403, 409, 410, 413, 415, 422})
GATEWAY = frozenset({429, 502, 503, 504, 507})

TOO_LARGE = (
    "Something on the way to the centre does not let a request of this size pass (HTTP 413). Raise the limit of the proxy in "
    "front of the centre (nginx: client_max_body_size), or of the one that this box goes through. "
    "途中的代理不允许这样大的请求通过（HTTP 413）。请调大中心前面代理的上限（nginx：client_max_body_size）。"
)

Answer = TypeVar("Answer", bound=BaseModel)


class CentreError(RuntimeError):
    """Base of the ways in which a request to the centre fails; the message is a sentence for people.

    CentreError
      CentreUnavailable    such requests do not get through now: try again later
        CentreUnreachable  no request does
          WrongClock       because by the clock of this box the certificate of the centre does not hold now
          WrongCertificate because what answers does not show a certificate of the centre that this box trusts
      CentreFailed         the centre failed on this request: try it again later, others may succeed
      CentreRefused        the centre has decided: the same request fails again until somebody removes the cause
    """

    # How long the centre wants not to be asked, where it says so.
    retry_after_s: float | None = None


class CentreUnavailable(CentreError):
    def __init__(self, message: str, retry_after_s: float | None = None) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class CentreUnreachable(CentreUnavailable):
    pass


class WrongClock(CentreUnreachable):
    pass


class WrongCertificate(CentreUnreachable):
    pass


class CentreFailed(CentreError):
    pass


class CentreRefused(CentreError):
    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status


def parsed(kind: type[Answer], response: httpx.Response) -> Answer:
    try:
        # A newer centre tells more. In a list that was not taken for that, a camera that somebody adds would never be looked at.
        return kind.model_validate_json(response.content, extra="ignore")
    except ValidationError as error:
        raise CentreUnavailable(not_a_centre(response)) from error


def not_a_centre(response: httpx.Response) -> str:
    return (
        f"What answered at {response.url.host} is no centre of ours, or one of another version (HTTP {response.status_code}). "
        "Check the address, and whether a login page of the network is in the way."
    )


def is_own(response: httpx.Response) -> bool:
    """Whether it can be a centre that answered."""
    if response.status_code in (204, 304):
        return not response.content
    kind = "application/json" if response.is_success else "application/problem+json"
    return str(response.headers.get("Content-Type", "")).startswith(kind)


def failure(response: httpx.Response) -> CentreError:
    status = response.status_code
    sentence = _detail(response)
    if status == 413 and not is_own(response):
        return CentreFailed(TOO_LARGE)
    # 511 (RFC 6585) is what a network says that wants a login; 404, what a centre of another version does.
    is_on_the_way = not is_own(response) and status < 500 and status not in GATEWAY
    if is_on_the_way or status in (404, 511):
        return CentreUnavailable(not_a_centre(response), _retry_after(response))
    if status in PERMANENT:
        return CentreRefused(sentence, status)
    if status >= 500 and status not in GATEWAY:
        return CentreFailed(sentence)
    return CentreUnavailable(sentence, _retry_after(response))


def _detail(response: httpx.Response) -> str:
    """The centre's own sentence (RFC 9457) where there is one; never a whole page of HTML."""
    try:
        problem = response.json()
    except ValueError:
        problem = None
    if isinstance(problem, dict):
        for field in ("detail", "title"):
            if isinstance(problem.get(field), str) and problem[field]:
                return str(problem[field])[:500]
    return f"The centre answered HTTP {response.status_code}."


def _retry_after(response: httpx.Response) -> float | None:
    """Seconds, from a number or an HTTP date (RFC 9110, 10.2.3)."""
    value = response.headers.get("Retry-After", "").strip()
    if not value:
        return None
    try:
        seconds = float(value)
    except ValueError:
        try:
            now = parsedate_to_datetime(response.headers["Date"])
            seconds = (parsedate_to_datetime(value) - now).total_seconds()
        except (KeyError, ValueError, TypeError, OverflowError):  # a date without a zone; a zone beyond all numbers
            return None
    return min(max(0.0, seconds), LONGEST_WAIT_S)  # in this order also of what is no number (nan)
