"""People of a shop who get messages on their phones, and open what is in them."""

import asyncio
import json
import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx
from pydantic import SecretStr

from api.links.deletion import forget_old
from tests.api.deliveries.post import Post
from tests.api.deliveries.receiver import Answer
from tests.api.world import jpeg

PHONE = "13800138000"
EVENTS = ["case.issued", "case.returned", "case.closed"]
# Both what a short message and what a chat expects to read.
TAKEN = Answer(body=b'{"Code":"OK","errcode":0}')
WECHAT = "Mozilla/5.0 (Linux; Android 13) AppleWebKit/537.36 MicroMessenger/8.0.50 Language/zh_CN"


@dataclass
class Phones:
    post: Post
    case_id: int = 0

    @classmethod
    async def begin(cls, post: Post) -> "Phones":
        """Somebody gets short messages, and the shop's chat has a robot."""
        settings = post.world.centre.settings
        settings.sms_provider, settings.sms_url = "aliyun", post.receiver.url
        settings.sms_key_id, settings.sms_key_secret = "LTAI-test", SecretStr("sms-key-secret-77")
        settings.sms_sign_name, settings.sms_template = "阳光食品", "SMS_1"
        post.receiver.answers = [TAKEN]
        return cls(post)

    async def person(self, phone: str = PHONE, name: str = "Li Mei", **changes: Any) -> dict[str, Any]:
        of_shop = {"shop_id": self.post.place.shop_id, "audience": "shop"}
        return await self.post.target("sms", name=name, recipient=phone, events=["case.issued"], **of_shop, **changes)

    async def group(self) -> dict[str, Any]:
        return await self.post.target("wecom", name="Chat", shop_id=self.post.place.shop_id, audience="shop", events=EVENTS)

    async def notice(self) -> int:
        self.case_id = await self.post.open_case()
        await self.post.act(self.case_id, "confirm", "issue")
        await self.post.send()
        return self.case_id

    async def after(self, days: float) -> None:
        """Then, with whatever was over deleted."""
        self.post.clock.pass_by(days=days)
        await forget_old(self.post.world.centre, asyncio.Event())

    def tokens(self) -> list[str]:
        """Of all links that were sent to phones, oldest first."""
        queries = [dict(parse_qsl(urlsplit(request.path).query)) for request in self.post.receiver.requests]
        return [json.loads(query["TemplateParam"])["link"] for query in queries if "TemplateParam" in query]

    def posted(self) -> list[str]:
        """Of all links that were posted to the chat."""
        texts = [request.body.decode() for request in self.post.receiver.requests if b"msgtype" in request.body]
        return [match[1] for text in texts for match in re.finditer(r"/n/([\w-]+)", text)]

    def device(self, **headers: str) -> httpx.AsyncClient:
        given = {"Accept": "text/html", "Accept-Language": "en", "User-Agent": WECHAT, **headers}
        return self.post.world.client(headers=given)

    async def state(self) -> str:
        state: str = (await self.post.admin.get(f"/api/v1/cases/{self.case_id}")).json()["state"]
        return state

    async def recorded(self, action: str) -> list[dict[str, Any]]:
        items = (await self.post.admin.get("/api/v1/audit", params={"limit": 200})).json()["items"]
        return [item for item in items if item["action"] == action]


async def fix(device: httpx.AsyncClient, token: str, *photographs: bytes, version: int = 3, **fields: str) -> httpx.Response:
    form = {"act": "submit", "version": str(version), "text": "Caps are worn.", "person": "Li Mei", **fields}
    files = [("photographs", ("now.jpg", content, "image/jpeg")) for content in photographs or (jpeg(),)]
    return await device.post(f"/n/{token}/answer", data=form, files=files)
