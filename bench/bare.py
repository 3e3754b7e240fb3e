"""The baseline of accepting: a handler that checks nothing, stores the same bytes in the same way, and writes one row."""

from fastapi import FastAPI, Request
from sqlalchemy import Text
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from api.centre import Centre
from api.kit.settings import Settings


class BareTable(DeclarativeBase):
    pass


class BareRow(BareTable):
    __tablename__ = "bare"

    id: Mapped[int] = mapped_column(primary_key=True)
    manifest: Mapped[str] = mapped_column(Text)


def create_bare_app(settings: Settings) -> FastAPI:
    centre, app = Centre(settings), FastAPI()

    @app.post("/api/v1/edge/violations", status_code=201)
    async def keep(request: Request) -> dict[str, int]:
        async with request.form(max_part_size=1_000_000) as form:
            parts = {name: await part.read() for name, part in form.items() if not isinstance(part, str)}
        key = request.headers["idempotency-key"]
        for name in ("original", "overlay"):
            await centre.files.put(f"bare/{key}/{name}.jpg", parts[name])
        async with centre.database.writing() as work:
            work.add(BareRow(manifest=parts["manifest"].decode()))
        return {"case_id": 1}

    @app.post("/make-table")
    async def make_table() -> None:
        async with centre.database.writing() as work:
            await (await work.connection()).run_sync(BareTable.metadata.create_all)

    return app
