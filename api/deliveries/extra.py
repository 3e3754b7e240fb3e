"""Channels beyond those that are promised: whatever Apprise knows, as well as it goes.

Apprise opens its own connections, so it runs in a process of its own (`extra_process`), in which the addresses that it connects
to are checked, and which ends with its time.
"""

import asyncio
import json
import os
import re
import sys
from functools import cache
from typing import Any
from urllib.parse import unquote

from api.deliveries.kinds import Fault
from api.deliveries.outcome import Outcome, logged
from api.kit.settings import Settings

# They would ring on the server itself, or write into its log.
LOCAL = frozenset({"dbus", "kde", "qt", "glib", "gnome", "macosx", "windows", "syslog"})
# What the other process needs of our environment: no proxy, which would look names up by itself, and no secret.
_PASSED_ON = ("PATH", "PYTHONPATH", "LANG", "LC_ALL", "SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "SYSTEMROOT")
# A shorter piece of an address is no secret, and would blacken ordinary words.
_SHORTEST_SECRET = 5


class NotAnAddress(ValueError):
    """Apprise does not know such an address."""


def check_address_of_apprise(address: str) -> None:
    """Its form; nothing is sent. Raises NotAnAddress."""
    if address.partition("://")[0].lower() in LOCAL:
        raise NotAnAddress("This would ring on the server itself.")
    if _apprise().Apprise.instantiate(address, suppress_exceptions=True) is None:
        raise NotAnAddress("Apprise knows no such address.")


async def send_extra(settings: Settings, address: str, text: str) -> Outcome:
    """Never raises: every end is an outcome. Apprise says only whether a message was taken."""
    told = _without(f"APPRISE {address.partition('://')[0]}://…\n{text}", address)
    title, _, body = text.partition("\n")
    order = {"address": address, "title": title, "body": body, "networks": settings.outbound_networks}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "api.deliveries.extra_process", stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL, env={name: os.environ[name] for name in _PASSED_ON if name in os.environ},
    )
    try:
        async with asyncio.timeout(settings.delivery_timeout_s):
            said, _ = await process.communicate(json.dumps(order).encode())
        result = json.loads(said)
    except (TimeoutError, ValueError) as error:
        return Outcome(told, answer=repr(error), fault=Fault.NO_ANSWER, unclear=True)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    answer = _without("\n".join(result["said"]), address)
    if result["refused"]:
        return Outcome(told, answer=result["refused"], fault=Fault.ADDRESS_REFUSED)
    return Outcome(told, answer=answer, fault=None if result["sent"] else Fault.SERVICE_ERROR)


def _without(text: str, address: str) -> str:
    """Apprise puts keys wherever in an address; none of its pieces is told but the name of the service."""
    rest = address.partition("://")[2]
    pieces = {piece for part in re.split(r"[/:@?&=#,;+]", rest) for piece in (part, unquote(part))}
    for piece in sorted((piece for piece in pieces if len(piece) >= _SHORTEST_SECRET), key=len, reverse=True):
        text = text.replace(piece, "***")
    return logged(text)


@cache
def _apprise() -> Any:
    """A second to import, and few use it."""
    import apprise

    return apprise
