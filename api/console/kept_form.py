"""A form that was sent after its session had ended: what was typed comes back in the page, to be sent again once signed in, or at
once by who has signed in again meanwhile."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from fastapi import Request, Response
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException

from api.accounts.actors import Actor
from api.accounts.dependencies import address_of
from api.accounts.throttle import network_of
from api.console.csrf import FIELD
from api.console.rendering import page
from api.console.views import Fact
from api.kit.problems import TooManyRequests
from api.repeats.routes import body_of


@dataclass(frozen=True)
class KeptForm:
    """A form that was sent after its session had ended. `words` are shown, `fields` go along when it is sent again; photographs
    are brought back by photographs.js, from where it kept them."""

    url: str
    fields: Sequence[Fact]
    words: Sequence[str]
    has_files: bool
    has_photographs: bool
    has_secrets: bool


# What people write themselves; the rest of a form is chosen again in a moment, and goes along unseen.
_WRITTEN = frozenset({"note", "text", "reason", "training", "person", "name"})
_SECRET = ("password", "secret", "code", "token")
_MOST_FILES = 10
_FIELD_BYTES = 100_000


async def kept_form(request: Request, actor: Actor | None = None) -> Response | None:
    """Nothing is kept on the server, and no password is put into a page. None where there is no form, or more than one holds, or
    where large ones of somebody of this network are being read already: who is not signed in may be anybody."""
    try:
        with body_of(request, network_of(address_of(request))):
            async with request.form(max_files=_MOST_FILES, max_part_size=_FIELD_BYTES) as form:
                items = form.multi_items()
    except (HTTPException, TooManyRequests):
        return None
    typed = [Fact(name, value) for name, value in items if isinstance(value, str) and name != FIELD]
    fields = [field for field in typed if not any(word in field.name for word in _SECRET)]
    chosen = {name for name, value in items if isinstance(value, UploadFile) and value.filename}
    kept = KeptForm(
        url=request.url.path + (f"?{request.url.query}" if request.url.query else ""), fields=fields,
        words=[field.value for field in fields if field.name in _WRITTEN and field.value.strip() and not _is_choice(field)],
        has_files=bool(chosen), has_photographs="photographs" in chosen,
        has_secrets=len(fields) < len(typed),
    )
    return page(request, "kept.html", actor=actor, here="/", status=403 if actor else 401, kept=kept)


def _is_choice(field: Fact) -> bool:
    """Some reasons are written, others chosen from a list: of these the value is a code, which tells a reader nothing."""
    return field.name == "reason" and re.fullmatch(r"[a-z_]+", field.value) is not None
