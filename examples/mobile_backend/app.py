"""What the app asks: cases, signing in, acts and what became of them."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Annotated, Any, Literal
from uuid import uuid4

import httpx
from fastapi import Cookie, FastAPI, Header, HTTPException
from fastapi.responses import RedirectResponse
from pydantic import BaseModel

from examples.mobile_backend.centre import Centre, SignInAgain
from examples.mobile_backend.follower import follow
from examples.mobile_backend.sender import send_all
from examples.mobile_backend.store import Store

EVERY_S = 1.0


class ActIn(BaseModel):
    """`version` is of the case as the person saw it."""

    version: int
    note: str | None = None


def create_app(centre: Centre, store: Store) -> FastAPI:
    async def follow_all() -> None:
        while await follow(centre, store):
            pass

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        tasks = [asyncio.create_task(_again_and_again(work)) for work in (follow_all, lambda: send_all(centre, store))]
        yield
        for task in tasks:
            task.cancel()

    app = FastAPI(title="Example backend of an app", lifespan=lifespan)
    is_https = centre.back_url.startswith("https:")

    def who(authorization: Annotated[str, Header()] = "") -> str:
        person = centre.person_of(authorization.removeprefix("Bearer "))
        if person is None:
            raise HTTPException(401, "Sign in: open /sign-in in the browser.")
        return person

    @app.get("/cases")
    async def list_cases(authorization: Annotated[str, Header()] = "") -> list[dict[str, Any]]:
        return store.list_cases_of(who(authorization))

    @app.get("/sign-in")
    async def begin() -> RedirectResponse:
        address, state, verifier = centre.begin_sign_in()
        response = RedirectResponse(address, 303)
        kept = f"{state}.{verifier}"
        response.set_cookie("begun", kept, max_age=600, path="/back", httponly=True, secure=is_https, samesite="lax")
        return response

    @app.get("/back")
    async def back(state: str, code: str | None = None, begun: Annotated[str, Cookie()] = "") -> dict[str, str]:
        """In the browser that began it: else a link with somebody else's code would make its user act in their name."""
        try:
            its_state, _, verifier = begun.partition(".")
            if not its_state or state != its_state:
                raise SignInAgain
            return {"session": await centre.sign_in(code or "", verifier)}
        except (SignInAgain, httpx.HTTPError) as error:
            raise HTTPException(403, "Begin again: /sign-in. Who does not judge cases is not let in.") from error

    @app.post("/cases/{case_id}/{act}", status_code=202)
    async def act(
        case_id: int, act: Literal["confirm", "issue", "acknowledge", "close"], body: ActIn,
        authorization: Annotated[str, Header()] = "",
    ) -> dict[str, str]:
        """Kept, and sent as soon as the centre answers."""
        person, key = who(authorization), str(uuid4())
        given = json.dumps({"note": body.note} if body.note else {})
        store.change(
            "INSERT INTO acts (key, person, case_id, act, version, body) VALUES (?, ?, ?, ?, ?, ?)",
            key, person, case_id, act, body.version, given,
        )
        return {"act": key}

    @app.get("/acts/{key}")
    async def get_act(key: str, authorization: Annotated[str, Header()] = "") -> dict[str, Any]:
        """`state` is waiting, done, refused (see `problem`), or sign in."""
        found = store.row("SELECT * FROM acts WHERE key = ? AND person = ?", key, who(authorization))
        if found is None:
            raise HTTPException(404, "There is no such act of yours.")
        return {**found, "problem": json.loads(found["problem"]) if found["problem"] else None}

    return app


async def _again_and_again(work: Callable[[], Awaitable[None]]) -> None:
    while True:
        wait_s = EVERY_S
        try:
            await work()
        except httpx.HTTPError as error:
            print(f"the centre does not answer ({type(error).__name__}); trying again", flush=True)
            if isinstance(error, httpx.HTTPStatusError):  # a proxy may send a date, and is asked again as usual
                wish = error.response.headers.get("Retry-After", "")
                wait_s = max(EVERY_S, float(wish)) if wish.isdecimal() else EVERY_S
        await asyncio.sleep(wait_s)
