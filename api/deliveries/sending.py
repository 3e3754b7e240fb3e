"""One try to send: the request goes out, and what came back is judged."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import httpx

from api.deliveries import robots, webhooks
from api.deliveries.kinds import Channel, Fault
from api.deliveries.retries import read_retry_after
from api.deliveries.secrets import TargetSecrets, open_secrets
from api.deliveries.tables import Delivery, Target
from api.kit.outbound import Refused, Resolver, UnknownName, guarded_client, waits
from api.kit.secrets import Keyring, KeyringError
from api.kit.settings import Settings

# Of an answer, and of a request in the log. An error document of the usual size fits.
LOGGED_CHARACTERS = 2000
ANSWER_BYTES = 16_384
HIDDEN = "***"


@dataclass(frozen=True)
class Outcome:
    """It has arrived where there is no fault. `unclear`: it may have arrived, nobody knows."""

    request: str
    status: int | None = None
    answer: str = ""
    fault: Fault | None = None
    unclear: bool = False
    retry_after_s: float | None = None


class Sender:
    """Holds the two clients: a guarded one for addresses that were typed in, a plain one for the robots' services."""

    def __init__(self, settings: Settings, keyring: Keyring, resolver: Resolver | None = None) -> None:
        self._settings = settings
        self._keyring = keyring
        self._guarded = guarded_client(settings.allowed_networks, settings.delivery_timeout_s, resolver)
        self._plain = httpx.AsyncClient(timeout=waits(settings.delivery_timeout_s), follow_redirects=False, trust_env=False)

    async def close(self) -> None:
        await self._guarded.aclose()
        await self._plain.aclose()

    async def send(self, target: Target, deliveries: Sequence[Delivery], text: str, at: datetime) -> Outcome:
        """A webhook gets the body of its only delivery, a robot the text. Never raises: every end is an outcome."""
        try:
            secrets = open_secrets(self._keyring, target)
        except KeyringError as error:
            return Outcome("", answer=str(error), fault=Fault.KEY_MISSING)
        if target.channel is Channel.WEBHOOK:
            request = webhooks.request_for(target, deliveries[0], secrets, at)
            return await self._exchange(self._guarded, request, secrets, at, None)
        robot = robots.ROBOTS[target.channel]
        request = robot.request_for(self._settings, secrets, text, at)
        return await self._exchange(self._plain, request, secrets, at, robot)

    async def _exchange(
        self, client: httpx.AsyncClient, request: httpx.Request, secrets: TargetSecrets, at: datetime, robot: robots.Robot | None
    ) -> Outcome:
        told = _without(f"{request.method} {_bare(request.url)}\n{request.content.decode()}", secrets)
        response: httpx.Response | None = None
        content = bytearray()
        try:
            async with asyncio.timeout(self._settings.delivery_timeout_s):
                response = await client.send(request, stream=True)
                async for chunk in response.aiter_bytes():
                    content += chunk
                    if len(content) >= ANSWER_BYTES:
                        break
        except (Refused, UnknownName, httpx.ConnectError, httpx.ConnectTimeout) as error:
            return Outcome(told, answer=_without(str(error), secrets), fault=_FAULTS[type(error)])
        except (TimeoutError, httpx.HTTPError) as error:
            # A webhook has arrived with its status, however long the rest takes; a robot says in the body whether it has.
            if response is None or robot is not None:
                return Outcome(told, answer=_without(repr(error), secrets), fault=Fault.NO_ANSWER, unclear=True)
        finally:
            if response is not None:
                await response.aclose()
        answer = _without(content.decode(errors="replace"), secrets)
        fault = _fault_of(response.status_code)
        retry_after_s = read_retry_after(response.headers.get("retry-after"), at)
        if fault is None and robot is not None:
            fault, wait_s = robot.judge(bytes(content))
            retry_after_s = retry_after_s or wait_s
        return Outcome(told, response.status_code, answer, fault, retry_after_s=retry_after_s)


_FAULTS: dict[type[Exception], Fault] = {
    Refused: Fault.ADDRESS_REFUSED, UnknownName: Fault.NO_SUCH_NAME, httpx.ConnectError: Fault.CANNOT_CONNECT,
    httpx.ConnectTimeout: Fault.CANNOT_CONNECT,
}




def _fault_of(status: int) -> Fault | None:
    if 200 <= status < 300:
        return None
    if status == 410:
        return Fault.GONE
    if status == 429:
        return Fault.TOO_FAST
    return Fault.REDIRECT if 300 <= status < 400 else Fault.HTTP_STATUS


def _bare(url: httpx.URL) -> str:
    """Without the query, where services and receivers put their keys."""
    return str(url.copy_with(query=None)) + (f"?{HIDDEN}" if url.query else "")


def _without(text: str, secrets: TargetSecrets) -> str:
    """Cut, and without secrets, whoever put them there: some receivers answer with what they were sent. The longest go first,
    since one may be a part of another."""
    for secret in sorted(secrets.all_texts(), key=len, reverse=True):
        text = text.replace(secret, HIDDEN)
    text = text.replace("\x00", "\ufffd")  # which PostgreSQL keeps in no text
    return text if len(text) <= LOGGED_CHARACTERS else text[:LOGGED_CHARACTERS] + " …"
