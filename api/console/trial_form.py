"""The form with which a camera is tried: maker, address, password."""

import re
import unicodedata
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from pydantic import BaseModel, SecretStr, ValidationError

from api.cameras.makers import BY_KEY, MAKERS, Maker
from api.cameras.schemas import SECRET_FIELD, is_torn_address
from api.console.camera_form import SECRET_IN_PATH, NotACamera, taken_apart, without_login
from api.console.i18n import N_
from api.console.shop_choice import ShopChoice
from api.console.speech import Speaker
from api.trials.schemas import TrialIn
from api.trials.service import MOST_FAILURES_OF_HOST, TooManyTrials
from api.trials.tables import CameraTrial
from contract.edges import StreamFault
from contract.faults import FAULT_TEXTS

# The maker of whose addresses nothing is known: those of all others are tried.
UNKNOWN = "unknown"
# As most cameras call their own account.
USUAL_USER = "admin"
_SUB = "sub"

# What an IP address or the name of a host is written with (RFC 3986, 3.2.2).
_HOST = re.compile(r"[\w.:%-]+", re.ASCII)

_NO_MAKER = N_("Choose the maker, or “I do not know”.")
_WEB_PAGE = N_("This is the address of a web page. Enter only the IP address in it, such as 192.168.1.64, and choose the maker.")
_NO_ADDRESS = N_("Enter the IP address of the camera or the recorder, such as 192.168.1.64.")
_TORN_ADDRESS = N_("An IP address has four numbers from 0 to 255, such as 192.168.1.64. Look at it once more.")
_NO_CHANNEL = N_("Enter a number from 1 to 256. A camera without a recorder is channel 1.")
_TOO_LONG = N_("This is longer than it can be.")
_TOO_MANY_OF_HOST = N_(
    "%(times)s attempts at this address have failed; cameras lock after a few wrong passwords. Check address and password at the "
    "device or in the maker's app, then try again in %(minutes)s minutes."
)
_TOO_MANY = N_("Many cameras were tried in the last hour. Try again in %(minutes)s minutes.")


class TrialTyped(BaseModel):
    """The fields as they come from a browser. `again`: the attempt whose password is used where none is typed."""

    shop_id: str = ""
    edge_id: str = ""
    maker: str = ""
    address: str = ""
    username: str = ""
    password: SecretStr = SecretStr("")
    channel: str = "1"
    stream: str = "main"
    again: str = ""

    @classmethod
    def of(cls, trial: CameraTrial) -> "TrialTyped":
        """As it was filled in, but the password, which nobody knows any more."""
        return cls(
            shop_id=trial.shop_id, edge_id=trial.edge_id, maker=trial.maker, address=trial.address,
            username=trial.username or "", channel=str(trial.channel), stream=_SUB if trial.is_sub else "main",
            again=trial.id if trial.password_sealed is not None else "",
        )

    def without_secrets(self) -> "TrialTyped":
        """As it is shown again: a password that was pasted with the address is typed anew."""
        address, of_address = without_login(self.address)
        return self.model_copy(update={"address": address, "username": of_address or self.username})


@dataclass(frozen=True)
class TrialFormView:
    """`choice` are the shops, to choose from where there are several. With `has_password`, one that was typed before is used
    again. `fault` is what the camera just failed with: what that is about lies open. With `is_found`, the edge found the camera,
    and mostly only its password is missing."""

    choice: ShopChoice
    typed: TrialTyped
    wrong: dict[str, str] = field(default_factory=dict)
    has_password: bool = False
    fault: StreamFault | None = None
    is_found: bool = False
    makers: tuple[Maker, ...] = MAKERS

    @property
    def maker(self) -> str | None:
        """Its name; None for one that is not known."""
        return BY_KEY[self.typed.maker].name if self.typed.maker in BY_KEY else None


def read_trial(typed: TrialTyped, speaker: Speaker) -> TrialIn:
    """Raises NotACamera."""
    wrong: dict[str, str] = {}
    maker, address = typed.maker, typed.address.strip()
    username, password = typed.username.strip(), typed.password
    channel = int(typed.channel) if typed.channel.strip().isdecimal() and len(typed.channel.strip()) <= 4 else 0
    if not 1 <= channel <= 256:
        wrong["channel"] = speaker.say(_NO_CHANNEL)
    if "://" in address:
        address, of_address, secret = taken_apart(address, "", SecretStr(""))
        username, password = of_address or username, (secret or password) if of_address else password
        urls = [address]
        maker = maker if maker in BY_KEY else UNKNOWN
    else:
        address = unicodedata.normalize("NFKC", address).replace("。", ".").rstrip("/")
        if maker not in BY_KEY and maker != UNKNOWN:
            wrong["maker"] = speaker.say(_NO_MAKER)
        tried = [BY_KEY[maker]] if maker in BY_KEY else MAKERS
        paths = [path for one in tried for path in one.paths(max(channel, 1), typed.stream == _SUB)]
        urls = [f"rtsp://{address}{path}" for path in paths]
    if problem := _what_is_wrong_with(address):
        wrong["address"] = speaker.say(problem)
    values: dict[str, Any] = {
        "shop_id": typed.shop_id, "edge_id": typed.edge_id or None, "maker": maker, "address": address,
        "channel": max(channel, 1), "is_sub": typed.stream == _SUB, "urls": urls, "username": username or None,
        "again": typed.again or None,
    }
    if password:
        values["password"] = password
    try:
        new = TrialIn.model_validate(values)
    except ValidationError as error:
        raise NotACamera(_of_fields(error, speaker) | wrong) from None  # the error holds what was typed
    if wrong:
        raise NotACamera(wrong)
    return new


def too_many(problem: TooManyTrials, speaker: Speaker) -> str:
    minutes = -(-(problem.retry_after_s or 0) // 60)
    if problem.of_host:
        return speaker.say(_TOO_MANY_OF_HOST, times=MOST_FAILURES_OF_HOST, minutes=minutes)
    return speaker.say(_TOO_MANY, minutes=minutes)


def _what_is_wrong_with(address: str) -> str | None:
    if not address:
        return _NO_ADDRESS
    if address.lower().startswith(("http://", "https://")):
        return _WEB_PAGE
    if SECRET_FIELD.search(address):
        return SECRET_IN_PATH
    is_url = "://" in address
    try:
        parts = urlsplit(address if is_url else f"rtsp://{address}")
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        return None if is_url else _NO_ADDRESS
    if is_torn_address(host):
        return _TORN_ADDRESS
    return None if is_url or (_HOST.fullmatch(host) and not parts.path and "@" not in address) else _NO_ADDRESS


def _of_fields(error: ValidationError, speaker: Speaker) -> dict[str, str]:
    wrong: dict[str, str] = {}
    for item in error.errors():
        name = {"urls": "address"}.get(str(item["loc"][0]), str(item["loc"][0]))
        is_long = item["type"].endswith("too_long")
        wrong[name] = speaker.say(_TOO_LONG) if is_long else speaker.choose(FAULT_TEXTS[StreamFault.BAD_URL])
    return wrong
