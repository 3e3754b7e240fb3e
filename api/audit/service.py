"""Recording who did what, and chaining what was recorded."""

from collections.abc import AsyncIterator
from datetime import datetime
from typing import Any

import rfc8785

from api.accounts.actors import Actor, the_system
from api.accounts.permissions import Permission
from api.audit import repository
from api.audit.chain import CENTRE, FIRST, ChainedEntry, ExportHead, Source, Stretch
from api.audit.repository import Filter
from api.audit.tables import AuditChain, AuditEntry
from api.kit.database import Database, Work
from api.kit.times import now

REASON_LENGTH = 500
# Of one transaction that chains: some 50 ms of SQLite, so that nobody waits for it.
BATCH = 500


def record(
    work: Work, actor: Actor, action: str, object_kind: str, object_id: object, *, shop_id: str | None = None,
    district_id: str | None = None, reason: str | None = None, **detail: Any,
) -> None:
    """One entry, in the transaction of the act. The shop or the district that the act concerns says into which chain it goes;
    without one, that of who acts. `detail` never holds a secret."""
    work.add(entry(actor, action, object_kind, object_id, shop_id=shop_id, district_id=district_id, reason=reason, **detail))


def entry(
    actor: Actor, action: str, object_kind: str, object_id: object, *, shop_id: str | None = None,
    district_id: str | None = None, reason: str | None = None, **detail: Any,
) -> AuditEntry:
    """What `record` writes down, for who inserts it at once."""
    if actor.client is not None:
        detail |= {"client": actor.client.name, "client_id": actor.client.id}
    if actor.device is not None:
        detail["device"] = actor.device
    rfc8785.dumps(detail)  # what has no canonical form fails here, in the act, and not where it is chained
    return AuditEntry(
        at=now(), actor_kind=actor.kind.value, actor_id=actor.id, actor_name=actor.name,
        unit=repository.unit_of(actor, shop_id), address=actor.address, action=action, object_kind=object_kind,
        object_id=str(object_id), reason=reason[:REASON_LENGTH] if reason else None, detail=detail,
        chain=repository.chain_of(actor, shop_id, district_id),
    )


async def chain_waiting(work: Work) -> int:
    """Chain what is written and not yet chained; returns how many. Of several that try at once, one does."""
    system = the_system()
    if not await repository.take_turn(work, system):
        return 0
    waiting = await repository.list_waiting(work, system, BATCH)
    chains: dict[str, AuditChain] = {}
    for entry in waiting:
        chain = chains.get(entry.chain) or await repository.get_chain(work, system, entry.chain)
        if chain is None:
            chain = AuditChain(chain=entry.chain, sequence=0, digest=FIRST)
            work.add(chain)
        chains[entry.chain] = chain
        entry.sequence, entry.previous, entry.digest = chain.sequence + 1, chain.digest, ""
        entry.digest = ChainedEntry.model_validate(entry).true_digest()
        chain.sequence, chain.digest = entry.sequence, entry.digest
    await work.flush()
    return len(waiting)


async def list_entries(work: Work, actor: Actor, wanted: Filter, *, before: int | None, limit: int) -> list[AuditEntry]:
    actor.require(Permission.AUDIT_READ)
    return await repository.list_entries(work, actor, wanted, before=before, limit=limit)


async def list_chains(work: Work, actor: Actor, centre_name: str) -> list[Stretch]:
    """Those that this person may read, as far as they have come."""
    actor.require(Permission.AUDIT_READ)
    return [
        Stretch(
            chain=chain.chain, name=name or (centre_name if chain.chain == CENTRE else chain.chain), first=1,
            last=chain.sequence, digest=chain.digest,
        )
        for chain, name in await repository.list_chains(work, actor)
    ]


async def begin_export(
    work: Work, actor: Actor, centre_name: str, *, chain: str | None, since: datetime | None, until: datetime | None
) -> ExportHead:
    """What an export will hold: of each chain, everything from the first to the last entry of that time."""
    actor.require(Permission.AUDIT_READ)
    stretches = []
    for whole in await list_chains(work, actor, centre_name):
        if chain is not None and whole.chain != chain:
            continue
        places = await repository.stretch_of(work, actor, whole.chain, Filter(since=since, until=until))
        if places is None:
            continue
        first, last = places
        (end,) = [entry async for entry in repository.read_chain(work, actor, whole.chain, last, last)]
        stretches.append(whole.model_copy(update={"first": first, "last": last, "digest": end.digest}))
    return ExportHead(format=1, centre=centre_name, exported_at=now(), stretches=stretches)


def record_export(work: Work, actor: Actor, head: ExportHead) -> None:
    for stretch in head.stretches:
        record(
            work, actor, "audit.exported", "audit", stretch.chain, first=stretch.first, last=stretch.last,
            district_id=None if stretch.chain == CENTRE else stretch.chain,
        )


async def export_lines(database: Database, actor: Actor, head: ExportHead) -> AsyncIterator[bytes]:
    """Each page in a transaction of its own: none is open while somebody downloads slowly, and what is chained stays as it is."""
    yield head.model_dump_json().encode() + b"\n"
    for stretch in head.stretches:
        first = stretch.first
        while True:
            async with database.reading() as work:
                page = await repository.read_page(work, actor, stretch.chain, first, stretch.last)
            if not page:
                break
            for entry in page:
                yield ChainedEntry.model_validate(entry).model_dump_json().encode() + b"\n"
            first = (page[-1].sequence or 0) + 1


async def read_database(work: Work, actor: Actor, name: str, centre_name: str) -> tuple[Source, int]:
    """The whole database as a source for the check, and how many entries wait to be chained."""
    actor.require(Permission.AUDIT_READ)
    source = Source(name, await list_chains(work, actor, centre_name))
    for chain in source.stretches.keys() | set(await repository.list_names_of_chains(work, actor)):
        async for entry in repository.read_chain(work, actor, chain):
            source.add(ChainedEntry.model_validate(entry))
    return source, await repository.count_waiting(work, actor)
