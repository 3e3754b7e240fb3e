"""A browser without scripts, as tests need it: its forms carry the token that each page of the console puts into them."""

from typing import Any

import httpx

from api.accounts.dependencies import COOKIE
from api.console.csrf import FIELD, VISITOR, token_of


class FormClient(httpx.AsyncClient):
    async def request(self, method: str, url: Any, **options: Any) -> httpx.Response:
        path = str(url)
        if method == "POST" and path.startswith("/") and not path.startswith(("/api/", "/n/")) and options.get("json") is None:
            cookies = {cookie.name: cookie.value for cookie in self.cookies.jar}
            if COOKIE not in cookies and VISITOR not in cookies:
                self.cookies.set(VISITOR, "visitor-of-a-test", path="/")
                cookies[VISITOR] = "visitor-of-a-test"
            token = token_of(cookies.get(COOKIE) or cookies[VISITOR] or "")
            options["data"] = {FIELD: token, **(options.get("data") or {})}
        return await super().request(method, url, **options)
