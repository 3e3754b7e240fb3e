"""One try to send: the request goes out, and what came back is judged."""

import asyncio
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from datetime import datetime

import httpx
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey

from api.deliveries import robots, web_push, webhooks
from api.deliveries.extra import send_extra
from api.deliveries.kinds import SERIOUS, Channel, Fault
from api.deliveries.mail import send_mail
from api.deliveries.messages import Content
from api.deliveries.outcome import Outcome, logged
from api.deliveries.retries import read_retry_after
from api.deliveries.secrets import TargetSecrets, open_secrets
from api.deliveries.sms import PROVIDERS, ShortMessage
from api.deliveries.tables import Delivery, Target
from api.keys.service import KeyName, open_key
from api.kit.outbound import Refused, Resolver, UnknownName, guarded_client, trusted, waits
from api.kit.secrets import Keyring, KeyringError
from api.kit.settings import Settings

ANSWER_BYTES = 16_384
Judge = Callable[[bytes], tuple[Fault | None, float | None]]


class Sender:
    """Holds the clients: guarded ones for addresses that were typed in or that browsers name, a plain one for the robots'
    services."""

    def __init__(self, settings: Settings, keyring: Keyring, resolver: Resolver | None = None) -> None:
        self._settings = settings
        self._keyring = keyring
        self._guarded = guarded_client(settings.allowed_networks, settings.delivery_timeout_s, resolver)
        self._public = guarded_client(web_push.NETWORKS, settings.delivery_timeout_s, resolver)
        self._plain = httpx.AsyncClient(
            verify=trusted(), timeout=waits(settings.delivery_timeout_s), follow_redirects=False, trust_env=False
        )

    async def close(self) -> None:
        await self._guarded.aclose()
        await self._public.aclose()
        await self._plain.aclose()

    async def send(self, target: Target, deliveries: Sequence[Delivery], content: Content, at: datetime) -> Outcome:
        """A webhook gets the body of its only delivery, people get words. Never raises: every end is an outcome."""
        try:
            secrets = open_secrets(self._keyring, target)
        except KeyringError as error:
            return Outcome("", answer=str(error), fault=Fault.KEY_MISSING)
        outcome = await self._send(target, deliveries[0], content, secrets, at)
        hidden = [*secrets.all_texts(), *content.hidden]
        return replace(outcome, request=_without(outcome.request, hidden), answer=_without(outcome.answer, hidden))

    async def _send(
        self, target: Target, delivery: Delivery, content: Content, secrets: TargetSecrets, at: datetime
    ) -> Outcome:
        recipient = target.recipient or ""
        if target.channel is Channel.EMAIL:
            return await send_mail(self._settings, recipient, delivery.message_id, content.text, at)
        if target.channel is Channel.SMS:
            return await self._send_sms(ShortMessage(recipient, content.parameters, delivery.message_id), at)
        if target.channel is Channel.WEBHOOK:
            return await self._exchange(self._guarded, webhooks.request_for(target, delivery, secrets, at), at, None)
        if target.channel is Channel.WEB_PUSH:
            return await self._push(delivery, content, secrets, at)
        if target.channel is Channel.APPRISE:
            return await send_extra(self._settings, secrets.token or "", content.text)
        robot = robots.ROBOTS[target.channel]
        return await self._exchange(self._plain, robot.request_for(self._settings, secrets, content.text, at), at, robot.judge)

    async def _push(self, delivery: Delivery, content: Content, secrets: TargetSecrets, at: datetime) -> Outcome:
        try:
            key = open_key(self._keyring, KeyName.WEB_PUSH, content.key)
        except KeyringError as error:
            return Outcome("", answer=str(error), fault=Fault.KEY_MISSING)
        if not isinstance(key, EllipticCurvePrivateKey) or secrets.subscription is None:
            return Outcome("", fault=Fault.KEY_MISSING)
        message = web_push.content_for(content.text, delivery.message_id)
        request = web_push.request_for(
            secrets.subscription, key, self._settings.push_contact, delivery.message_id, message, at,
            is_urgent=delivery.severity == SERIOUS,
        )
        outcome = await self._exchange(self._public, request, at, None, message.decode())
        return replace(outcome, fault=web_push.FAULTS.get(outcome.status or 0, outcome.fault))

    async def _send_sms(self, message: ShortMessage, at: datetime) -> Outcome:
        provider = PROVIDERS.get(self._settings.sms_provider or "")
        if provider is None:
            return Outcome("", answer="SUNSHINE_SMS_PROVIDER", fault=Fault.NOT_SET_UP)
        request = provider.request_for(self._settings, message, at)
        outcome = await self._exchange(self._plain, request, at, provider.judge)
        return replace(outcome, request=f"{outcome.request}{message.phone} {message.parameters}")

    async def _exchange(
        self, client: httpx.AsyncClient, request: httpx.Request, at: datetime, judge: Judge | None, body: str | None = None
    ) -> Outcome:
        """`body`: what stands in the log, where the request's own cannot be read."""
        text = request.content.decode() if body is None else body
        told = f"{request.method} {webhooks.bare(request.url)}\n{text}"
        response: httpx.Response | None = None
        content = bytearray()
        try:
            async with asyncio.timeout(self._settings.delivery_timeout_s):
                response = await client.send(request, stream=True)
                async for chunk in response.aiter_raw():  # not unpacked, so that a small answer stays small
                    content += chunk
                    if len(content) >= ANSWER_BYTES:
                        break
        except (Refused, UnknownName, httpx.ConnectError, httpx.ConnectTimeout) as error:
            return Outcome(told, answer=str(error), fault=_FAULTS[type(error)])
        except (TimeoutError, httpx.HTTPError) as error:
            # A webhook has arrived with its status, however long the rest takes; a robot says in the body whether it has.
            if response is None or judge is not None:
                return Outcome(told, answer=repr(error), fault=Fault.NO_ANSWER, unclear=True)
        finally:
            if response is not None:
                await response.aclose()
        answer = content.decode(errors="replace")
        fault = _fault_of(response.status_code)
        retry_after_s = read_retry_after(response.headers.get("retry-after"), at)
        if judge is not None and fault in (None, Fault.HTTP_STATUS):
            said, wait_s = judge(bytes(content))
            fault = said if fault is None or (said is not None and said is not Fault.SERVICE_ERROR) else fault
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


def _without(text: str, hidden: Collection[str]) -> str:
    """Cut, and without secrets, whoever put them there: some receivers answer with what they were sent. The longest go first,
    since one may be a part of another."""
    for secret in sorted(hidden, key=len, reverse=True):
        text = text.replace(secret, webhooks.HIDDEN)
    return logged(text)
