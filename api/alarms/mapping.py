"""Reading the alarms of others: a table for each form says which field means what (`configs/alarms.yaml`)."""

import base64
import binascii
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any

import httpx
from pydantic import Field

from api.kit.problems import FieldProblem, Invalid
from api.kit.times import SHOP_TIME
from contract.base import Box, Wire
from contract.catalogue import AreaKind, Catalogue, Post, Rule, RuleCode, Text
from contract.yaml_text import parse

FieldPath = Annotated[str, Field(pattern=r"^[A-Za-z_][\w.]*$")]
Scalar = str | int | float | bool
LONGEST_ID = 200
# What JSON can write and no text column holds: NUL, and halves of characters.
_NO_TEXT = re.compile("[\x00\ud800-\udfff]")
# A crowded kitchen; a box that tells of more tells nothing.
MOST_OBJECTS = 200
# 2001-09-09 in milliseconds; in seconds that is after the year 5000.
_MILLISECONDS_FROM = 1e12


class AlarmUnreadable(Invalid):
    """The alarm has not the form that its box is set to; `errors` names the field."""

    code = "alarm-unreadable"


class AlarmFormatsError(ValueError):
    """A table of formats that cannot be used; the message names the file and the field."""


class Kind(Wire):
    rules: list[RuleCode] = Field(min_length=1)
    when: dict[FieldPath, list[Scalar]] = Field(default_factory=dict)


class AlarmFormat(Wire):
    """`corners` are [x1, y1, x2, y2] or a list of such; `rectangle` is {x, y, w, h}; in pixels or as parts of the picture."""

    name: Text
    message_id: FieldPath
    device: FieldPath
    time: FieldPath
    kind: FieldPath
    kinds: dict[str, list[Kind]]
    objects: FieldPath | None = None
    corners: FieldPath | None = None
    rectangle: FieldPath | None = None
    picture_url: FieldPath | None = None
    picture_token: FieldPath | None = None
    token_parameter: str = "token"
    picture_base64: FieldPath | None = None


class AlarmFormats(Wire):
    formats: dict[Annotated[str, Field(pattern=r"^[a-z0-9_]{1,40}$")], AlarmFormat]


@dataclass(frozen=True)
class Finding:
    """One thing that the alarm tells of: the rules that it may mean, and where in the picture."""

    rules: Sequence[str]
    boxes: Sequence[Box]

    def rule_at(self, catalogue: Catalogue, area: AreaKind, posts: frozenset[Post]) -> Rule | None:
        """The one in force there; another's model sees it, so whether ours could does not count."""
        known = [rule for code in self.rules for rule in catalogue.rules if rule.code == code]
        return next((rule for rule in known if rule.default_on and rule.applies(area, posts)), None)


@dataclass(frozen=True)
class Alarm:
    """`kind` in the vendor's word. One of `picture` and `picture_url` is there."""

    message_id: str
    device: str
    kind: str
    at: datetime
    findings: Sequence[Finding]
    picture: bytes | None
    picture_url: str | None


def load_formats(path: Path | None = None) -> dict[str, AlarmFormat]:
    """Read the tables (YAML); without a path, those that are shipped. Raises AlarmFormatsError."""
    source = path if path is not None else files("configs") / "alarms.yaml"
    try:
        return AlarmFormats.model_validate(parse(source.read_text(encoding="utf-8"))).formats
    except (OSError, ValueError) as error:
        raise AlarmFormatsError(f"The formats of alarms {source} cannot be used: {error}") from error


def read_alarm(form: AlarmFormat, body: dict[str, Any]) -> Alarm:
    """Raises AlarmUnreadable. A kind that the table does not know has no findings."""
    kind = _text(body, form.kind)
    objects = _objects(body, form)
    findings = [
        Finding(kind_of.rules, [box for one in chosen for box in _boxes(one, form)])
        for kind_of in form.kinds.get(kind, ())
        if (chosen := [one for one in objects if _counts(one, kind_of)]) or not kind_of.when
    ]
    picture, url = _inline(body, form), _url(body, form)
    if findings and picture is None and url is None:
        raise _unreadable(form.picture_url or form.picture_base64 or "", "An alarm without a picture cannot be judged. Send one.")
    return Alarm(
        _text(body, form.message_id), _text(body, form.device), kind, _time(_text(body, form.time), form.time), findings, picture,
        url,
    )


def _at(value: object, path: str) -> object:
    for name in path.split("."):
        value = value.get(name) if isinstance(value, dict) else None
    return value


def _text(body: dict[str, Any], path: str) -> str:
    value = _at(body, path)
    text = str(value).strip() if isinstance(value, str | int | float) and not isinstance(value, bool) else ""
    if not text or len(text) > LONGEST_ID or _NO_TEXT.search(text):
        raise _unreadable(path, f"Text or a number of 1 to {LONGEST_ID} characters is needed here.")
    return text


def _time(text: str, path: str) -> datetime:
    """Seconds or milliseconds since 1970, or as written: without a zone, in the time of the shops."""
    try:
        if text.replace(".", "", 1).isdecimal() and text.isascii():
            number = float(text)
            return datetime.fromtimestamp(number / 1000 if number >= _MILLISECONDS_FROM else number, UTC)
        moment = datetime.fromisoformat(text)
        return (moment if moment.tzinfo is not None else moment.replace(tzinfo=SHOP_TIME)).astimezone(UTC)
    except (ValueError, OverflowError, OSError) as error:
        raise _unreadable(path, "A time is needed here: seconds since 1970, or 2026-11-26 12:00:00.") from error


def _objects(body: dict[str, Any], form: AlarmFormat) -> list[dict[str, Any]]:
    """Some systems send them as JSON inside of a text."""
    found = _at(body, form.objects) if form.objects else None
    if isinstance(found, str) and found.strip():
        try:
            found = json.loads(found)
        except (ValueError, RecursionError) as error:
            raise _unreadable(form.objects or "", "The objects cannot be read.") from error
    listed = found if isinstance(found, list) else [found] if isinstance(found, dict) else []
    if len(listed) > MOST_OBJECTS or not all(isinstance(one, dict) for one in listed):
        raise _unreadable(form.objects or "", f"At most {MOST_OBJECTS} objects are taken.")
    return listed


def _counts(one: dict[str, Any], kind: Kind) -> bool:
    return all(_at(one, path) in values for path, values in kind.when.items())


def _boxes(one: dict[str, Any], form: AlarmFormat) -> list[Box]:
    if form.rectangle is not None:
        rectangle = _at(one, form.rectangle)
        if not isinstance(rectangle, dict):
            return []
        x, y, width, height = (_number(rectangle.get(name), form.rectangle) for name in ("x", "y", "w", "h"))
        return [(x, y, x + width, y + height)]
    corners = _at(one, form.corners) if form.corners else None
    if not isinstance(corners, list) or not corners:
        return []
    each = corners if isinstance(corners[0], list) else [corners]
    boxes: list[Box] = []
    for four in each[:MOST_OBJECTS]:
        if not isinstance(four, list) or len(four) != 4:
            raise _unreadable(form.corners or "", "A box is four numbers: x1, y1, x2, y2.")
        x1, y1, x2, y2 = (_number(number, form.corners or "") for number in four)
        boxes.append((x1, y1, x2, y2))
    return boxes


def _number(value: object, path: str) -> float:
    if isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e6:  # not of NaN
        return float(value)
    raise _unreadable(path, "A number of pixels is needed here.")


def _inline(body: dict[str, Any], form: AlarmFormat) -> bytes | None:
    text = _at(body, form.picture_base64) if form.picture_base64 else None
    if not isinstance(text, str) or not text:
        return None
    try:
        return base64.b64decode(text.rpartition(",")[2], validate=True)  # some write data:image/jpeg;base64, before it
    except (binascii.Error, ValueError) as error:
        raise _unreadable(form.picture_base64 or "", "The picture is not in base64.") from error


def _url(body: dict[str, Any], form: AlarmFormat) -> str | None:
    text = _at(body, form.picture_url) if form.picture_url else None
    if not isinstance(text, str) or not text.strip():
        return None
    token = _at(body, form.picture_token) if form.picture_token else None
    try:
        url = httpx.URL(text.strip())
        return str(url.copy_add_param(form.token_parameter, token) if isinstance(token, str) and token else url)
    except (httpx.InvalidURL, ValueError) as error:
        raise _unreadable(form.picture_url or "", "This is not a URL.") from error


def _unreadable(path: str, message: str) -> AlarmUnreadable:
    return AlarmUnreadable(f"The alarm cannot be read: {path}: {message}", errors=[FieldProblem(field=path, message=message)])
