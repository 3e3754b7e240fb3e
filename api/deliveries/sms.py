"""Short messages through a provider: Aliyun's for now. Another one is another `SmsProvider` in `PROVIDERS`.

In China a short message is a template that the provider has approved; we fill in what it tells, the number of the case, and
until when.
"""

import hashlib
import hmac
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol
from urllib.parse import quote

import httpx

from api.deliveries.kinds import Fault
from api.kit.ids import new_id
from api.kit.settings import Settings

MOBILE = re.compile(r"1[3-9][0-9]{9}")
# What a variable of a template may hold at Aliyun.
PARAMETER_CHARACTERS = 35
# isv.BUSINESS_LIMIT_CONTROL: a limit per hour or day; it is no use to ask again sooner.
LIMIT_WAIT_S = 3600.0


def mobile_of(phone: str) -> str:
    """As a short message is addressed: without what people write between the digits, and without the country."""
    digits = "".join(character for character in phone if character.isdigit())
    return digits.removeprefix("86") if len(digits) == 13 else digits


def is_mobile(phone: str) -> bool:
    return MOBILE.fullmatch(mobile_of(phone)) is not None


@dataclass(frozen=True)
class ShortMessage:
    phone: str
    parameters: dict[str, str]
    id: str


class SmsProvider(Protocol):
    def request_for(self, settings: Settings, message: ShortMessage, at: datetime) -> httpx.Request: ...

    def judge(self, answer: bytes) -> tuple[Fault | None, float | None]:
        """What is wrong by the body of the answer, and for how long the service wants to be left alone."""


class Aliyun:
    """SendSms of 2017-05-25, signed by version 3 (ACS3-HMAC-SHA256) of Aliyun's signatures."""

    _MEANINGS: Mapping[str, tuple[Fault, float | None]] = {
        "isv.BUSINESS_LIMIT_CONTROL": (Fault.TOO_FAST, LIMIT_WAIT_S),
        "Throttling.User": (Fault.TOO_FAST, 60.0),
        "isv.MOBILE_NUMBER_ILLEGAL": (Fault.NO_SUCH_RECIPIENT, None),
        **dict.fromkeys(
            (
                "InvalidAccessKeyId.NotFound", "SignatureDoesNotMatch", "isv.ACCOUNT_NOT_EXISTS", "isv.ACCOUNT_ABNORMAL",
                "isv.AMOUNT_NOT_ENOUGH", "isv.OUT_OF_SERVICE", "isv.SMS_SIGNATURE_ILLEGAL", "isv.SMS_TEMPLATE_ILLEGAL",
                "isv.TEMPLATE_MISSING_PARAMETERS",
            ),
            (Fault.NOT_SET_UP, None),
        ),
    }

    def request_for(self, settings: Settings, message: ShortMessage, at: datetime) -> httpx.Request:
        parameters = {
            "PhoneNumbers": message.phone, "SignName": settings.sms_sign_name or "", "TemplateCode": settings.sms_template or "",
            "TemplateParam": json.dumps(message.parameters, ensure_ascii=False, separators=(",", ":")), "OutId": message.id,
        }
        query = "&".join(f"{quote(name, safe='-_.~')}={quote(value, safe='-_.~')}" for name, value in sorted(parameters.items()))
        url = httpx.URL(f"{settings.sms_url}/?{query}")
        headers = {
            "host": url.netloc.decode(), "x-acs-action": "SendSms", "x-acs-content-sha256": hashlib.sha256(b"").hexdigest(),
            "x-acs-date": at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"), "x-acs-signature-nonce": new_id(),
            "x-acs-version": "2017-05-25",
        }
        secret = settings.sms_key_secret.get_secret_value() if settings.sms_key_secret is not None else ""
        headers["Authorization"] = authorization(query, headers, settings.sms_key_id or "", secret)
        return httpx.Request("POST", url, headers=headers)

    def judge(self, answer: bytes) -> tuple[Fault | None, float | None]:
        try:
            code = json.loads(answer)["Code"]
        except (ValueError, KeyError, TypeError):
            return Fault.SERVICE_ERROR, None
        if code == "OK":
            return None, None
        return self._MEANINGS.get(code, (Fault.SERVICE_ERROR, None)) if isinstance(code, str) else (Fault.SERVICE_ERROR, None)


PROVIDERS: dict[str, SmsProvider] = {"aliyun": Aliyun()}


def authorization(query: str, headers: Mapping[str, str], key_id: str, secret: str) -> str:
    """Of a POST to `/` without a body. The query is encoded and in order, the headers are all there are."""
    names = ";".join(sorted(headers))
    lines = "".join(f"{name}:{headers[name]}\n" for name in sorted(headers))
    canonical = f"POST\n/\n{query}\n{lines}\n{names}\n{headers['x-acs-content-sha256']}"
    to_sign = f"ACS3-HMAC-SHA256\n{hashlib.sha256(canonical.encode()).hexdigest()}"
    signature = hmac.new(secret.encode(), to_sign.encode(), hashlib.sha256).hexdigest()
    return f"ACS3-HMAC-SHA256 Credential={key_id},SignedHeaders={names},Signature={signature}"
