"""Chat robots: the exact request that each service takes, and what its answer means.

A message is plain text: nothing in it is read as markup, and nobody is mentioned by a name that looks like a mention.
"""

import base64
import hashlib
import hmac
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import httpx

from api.deliveries.kinds import Channel, Fault
from api.deliveries.secrets import TargetSecrets
from api.kit.settings import Settings

# A minute is what a limit per minute needs at most; DingTalk blocks a robot that is too fast for ten.
WAIT_S = 60.0
DINGTALK_WAIT_S = 600.0


@dataclass(frozen=True)
class Robot:
    """`longest` is in bytes of UTF-8."""

    channel: Channel
    request_for: Callable[[Settings, TargetSecrets, str, datetime], httpx.Request]
    code: str
    # What a code of the service means, and how long to wait then.
    meanings: dict[int, tuple[Fault, float | None]]
    longest: int

    def judge(self, answer: bytes) -> tuple[Fault | None, float | None]:
        """What is wrong by the body of an answer with status 200, and for how long the service wants to be left alone."""
        try:
            document = json.loads(answer)
            code = document[self.code]
        except (ValueError, KeyError, TypeError):
            return Fault.SERVICE_ERROR, None
        if code == 0:
            return None, None
        return self.meanings.get(code, (Fault.SERVICE_ERROR, None)) if isinstance(code, int) else (Fault.SERVICE_ERROR, None)


def _wecom(settings: Settings, secrets: TargetSecrets, text: str, _at: datetime) -> httpx.Request:
    url = httpx.URL(f"{settings.wecom_url}/cgi-bin/webhook/send", params={"key": secrets.token})
    return _post(url, {"msgtype": "text", "text": {"content": text}})


def _dingtalk(settings: Settings, secrets: TargetSecrets, text: str, at: datetime) -> httpx.Request:
    """Signed in the address: HMAC-SHA256 with the secret as the key, over time in milliseconds, a line feed, and the secret."""
    milliseconds, secret = int(at.timestamp() * 1000), secrets.secret or ""
    sign = _hmac(secret.encode(), f"{milliseconds}\n{secret}".encode())
    query = {"access_token": secrets.token, "timestamp": milliseconds, "sign": sign}
    url = httpx.URL(f"{settings.dingtalk_url}/robot/send", params=query)
    return _post(url, {"msgtype": "text", "text": {"content": text}, "at": {"isAtAll": False}})


def _feishu(settings: Settings, secrets: TargetSecrets, text: str, at: datetime) -> httpx.Request:
    """Signed in the body: HMAC-SHA256 with time in seconds, a line feed and the secret as the key, over nothing."""
    seconds = str(int(at.timestamp()))
    sign = _hmac(f"{seconds}\n{secrets.secret or ''}".encode(), b"")
    url = httpx.URL(f"{settings.feishu_url}/open-apis/bot/v2/hook/{secrets.token}")
    return _post(url, {"timestamp": seconds, "sign": sign, "msg_type": "text", "content": {"text": text}})


def _post(url: httpx.URL, body: dict[str, Any]) -> httpx.Request:
    content = json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()
    return httpx.Request("POST", url, headers={"Content-Type": "application/json; charset=utf-8"}, content=content)


def _hmac(key: bytes, message: bytes) -> str:
    return base64.b64encode(hmac.new(key, message, hashlib.sha256).digest()).decode()


ROBOTS: dict[Channel, Robot] = {
    robot.channel: robot
    for robot in (
        Robot(
            Channel.WECOM, _wecom, "errcode", {45009: (Fault.TOO_FAST, WAIT_S), 93000: (Fault.WRONG_SETTINGS, None)},
            longest=2048,
        ),
        Robot(
            Channel.DINGTALK, _dingtalk, "errcode",
            {
                130101: (Fault.TOO_FAST, DINGTALK_WAIT_S),
                300001: (Fault.WRONG_SETTINGS, None),  # no such access token
                310000: (Fault.WRONG_SETTINGS, None),  # signature, keyword or address list
            },
            longest=20_000,
        ),
        Robot(
            Channel.FEISHU, _feishu, "code",
            {
                11232: (Fault.TOO_FAST, WAIT_S),
                19001: (Fault.WRONG_SETTINGS, None),  # no such token
                19021: (Fault.WRONG_SETTINGS, None),  # signature
                19022: (Fault.WRONG_SETTINGS, None),  # address list
                19024: (Fault.WRONG_SETTINGS, None),  # keyword
            },
            longest=18_000,  # 20 kB with everything around the text
        ),
    )
}
