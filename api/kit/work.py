"""The unit of work of a request and the moment of it, as FastAPI dependencies. The work ends before the answer goes out: what was
answered is committed."""

from collections.abc import AsyncIterator
from datetime import datetime
from typing import Annotated

from fastapi import Depends, Request

from api.kit.database import Work


async def _reading(request: Request) -> AsyncIterator[Work]:
    async with request.app.state.centre.database.reading() as work:
        yield work


async def _writing(request: Request) -> AsyncIterator[Work]:
    async with request.app.state.centre.database.writing() as work:
        request.state.writing = work  # where the answer to an act is written with it
        yield work


def _moment(request: Request) -> datetime:
    moment: datetime = request.app.state.centre.clock()
    return moment


At = Annotated[datetime, Depends(_moment)]
Reading = Annotated[Work, Depends(_reading, scope="function")]
Writing = Annotated[Work, Depends(_writing, scope="function")]
