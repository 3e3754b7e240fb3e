from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

from sqlalchemy import CompoundSelect, Row, Select, TableClause, Update, and_, case, exists, func, or_, select, union_all, update
from sqlalchemy.orm import InstrumentedAttribute, aliased, contains_eager, joinedload

from api.accounts.actors import Actor
from api.answers.tables import Answer, Photograph
from api.cameras.tables import Camera
from api.cases.repository import case_is_visible
from api.cases.states import CaseState
from api.cases.tables import Case, CaseTransition
from api.evidence.tables import CentreKey, Chain, Clip, Countersignature, Evidence, IdempotencyKey, LegalHold
from api.kit.database import Work, insert_if_missing
from api.kit.prepared import prepared
from contract.countersigning import SignedStatement, Statement
from contract.evidence import CLIP, FIRST_OF_CHAIN


def _readable(actor: Actor) -> Select[Evidence]:
    """Who sees a case sees that there is evidence; whose faces, the service decides. What was deleted is not there any more."""
    query = select(Evidence).join(Case, Case.id == Evidence.case_id).where(case_is_visible(actor), Evidence.deleted_at.is_(None))
    return query.options(joinedload(Evidence.edge), joinedload(Evidence.clip), contains_eager(Evidence.case))


async def list_of_cases(work: Work, actor: Actor, case_ids: Sequence[int], *, for_change: bool = False) -> list[Evidence]:
    """Oldest first."""
    query = _readable(actor).where(Evidence.case_id.in_(case_ids)).order_by(Evidence.received_at, Evidence.violation_id)
    if for_change:
        query = query.with_for_update(of=Evidence)
    return list(await work.scalars(query))


async def list_of_camera(work: Work, actor: Actor, camera_id: str) -> list[Evidence]:
    """In the order of its chains, with what is left of what was deleted."""
    query = select(Evidence).join(Case, Case.id == Evidence.case_id).where(case_is_visible(actor))
    query = query.where(Evidence.camera_id == camera_id, Evidence.chain != Chain.NONE)
    query = query.options(joinedload(Evidence.edge), joinedload(Evidence.clip))
    return list(await work.scalars(query.order_by(Evidence.edge_id, Evidence.sequence, Evidence.received_at)))


async def get_evidence(work: Work, actor: Actor, violation_id: str) -> Evidence | None:
    evidence: Evidence | None = await work.scalar(_readable(actor).where(Evidence.violation_id == violation_id))
    return evidence


def of_ended(
    query: Select[Any], whole: type[Case], case_id: InstrumentedAttribute[int] | InstrumentedAttribute[int | None],
    came_at: InstrumentedAttribute[datetime], state: CaseState, moment: datetime,
) -> Select[Any]:
    """What came in before `moment` itself, and whose case came into this last state before it; none under a legal hold. What was
    merged goes with the `whole` case that it is part of."""
    own_hold, its_hold = aliased(LegalHold), aliased(LegalHold)
    return (
        query.join(Case, Case.id == case_id)
        .join(whole, whole.id == func.coalesce(Case.merged_into, Case.id))
        .join(CaseTransition, and_(CaseTransition.case_id == whole.id, CaseTransition.version == whole.version))
        .where(
            whole.state == state, CaseTransition.at < moment, came_at < moment,
            ~exists().where(own_hold.case_id == Case.id, own_hold.lifted_at.is_(None)),
            ~exists().where(its_hold.case_id == whole.id, its_hold.lifted_at.is_(None)),
        )
    )


async def list_expired(
    work: Work, actor: Actor, cuts: Mapping[CaseState, datetime], limit: int
) -> list[tuple[Evidence, CaseState]]:
    """Evidence `of_ended` cases, with the state. The case and the one that it is part of are locked too: who sets a hold on one
    of them just now is not overtaken."""
    whole = aliased(Case)
    found: list[tuple[Evidence, CaseState]] = []
    for state, moment in cuts.items():
        query = (
            of_ended(select(Evidence), whole, Evidence.case_id, Evidence.received_at, state, moment)
            .where(case_is_visible(actor), Evidence.deleted_at.is_(None))
            .options(joinedload(Evidence.clip), contains_eager(Evidence.case))
            .limit(limit - len(found))
            .with_for_update(of=(Evidence, Case, whole), skip_locked=True)
        )
        found += ((evidence, state) for evidence in await work.scalars(query))
        if len(found) == limit:
            break
    return found


async def list_deleted(work: Work, actor: Actor, case_id: int) -> list[Evidence]:
    query = select(Evidence).join(Case, Case.id == Evidence.case_id).where(case_is_visible(actor))
    query = query.where(Evidence.case_id == case_id, Evidence.deleted_at.is_not(None)).order_by(Evidence.received_at)
    return list(await work.scalars(query))


async def is_anything_left(work: Work, actor: Actor, of: Case) -> bool:
    """Whether evidence or photographs are kept, of the case or of what was merged into it: what a hold on it keeps."""
    of_it = (case_is_visible(actor), Case.shop_id == of.shop_id, or_(Case.id == of.id, Case.merged_into == of.id))
    evidence = select(Evidence.violation_id).join(Case, Case.id == Evidence.case_id).where(*of_it, Evidence.deleted_at.is_(None))
    photographs = select(Photograph.id).join(Answer, Answer.id == Photograph.answer_id).join(Case, Case.id == Answer.case_id)
    photographs = photographs.where(*of_it, Photograph.deleted_at.is_(None))
    return bool(await work.scalar(select(or_(evidence.exists(), photographs.exists()))))


async def list_files_left(work: Work, actor: Actor) -> list[Evidence]:
    """Deleted evidence whose files may still be there."""
    query = select(Evidence).join(Case, Case.id == Evidence.case_id).where(case_is_visible(actor))
    return list(await work.scalars(query.where(Evidence.deleted_at.is_not(None), Evidence.folder != "")))


async def folders_of(work: Work, actor: Actor, violation_ids: Sequence[str]) -> set[str]:
    """Where their files lie, or may still lie."""
    query = select(Evidence.folder).join(Case, Case.id == Evidence.case_id).where(case_is_visible(actor))
    return set(await work.scalars(query.where(Evidence.violation_id.in_(violation_ids))))


async def first_kept(work: Work, actor: Actor) -> datetime | None:
    """When the oldest came in of which the files are kept."""
    query = select(func.min(Evidence.received_at)).join(Case, Case.id == Evidence.case_id)
    first: datetime | None = await work.scalar(query.where(case_is_visible(actor), Evidence.deleted_at.is_(None)))
    return first


async def list_kept(work: Work, actor: Actor, since: datetime, until: datetime) -> list[tuple[str, str | None]]:
    """The folder of each that came in then, and the digest of its clip where that has a file."""
    has_file = and_(Clip.violation_id == Evidence.violation_id, Clip.manifest.contains(f'"{CLIP}":'))
    query = select(Evidence.folder, Clip.digest).join(Case, Case.id == Evidence.case_id).outerjoin(Clip, has_file)
    query = query.where(case_is_visible(actor), Evidence.deleted_at.is_(None))
    query = query.where(Evidence.received_at >= since, Evidence.received_at < until)
    return [(folder, digest) for folder, digest in await work.execute(query)]


async def forget_folder(work: Work, actor: Actor, violation_id: str) -> None:
    if actor.sees_all_places:
        await work.execute(update(Evidence).where(Evidence.violation_id == violation_id).values(folder=""))


async def list_holds(work: Work, actor: Actor, case_id: int) -> list[LegalHold]:
    query = select(LegalHold).join(Case, Case.id == LegalHold.case_id).where(case_is_visible(actor))
    return list(await work.scalars(query.where(LegalHold.case_id == case_id).order_by(LegalHold.set_at)))


async def keep_hold(work: Work, actor: Actor, of_case: int, for_case: int) -> None:
    """The hold that stands on one case stands on another too, which was part of it."""
    hold = await active_hold(work, actor, of_case)
    if hold is not None and await active_hold(work, actor, for_case) is None:
        work.add(LegalHold(case_id=for_case, set_at=hold.set_at, set_by=hold.set_by, set_because=hold.set_because))


async def active_hold(work: Work, actor: Actor, case_id: int) -> LegalHold | None:
    return next((hold for hold in await list_holds(work, actor, case_id) if hold.lifted_at is None), None)


async def held_among(work: Work, actor: Actor, case_ids: Collection[int]) -> set[int]:
    query = select(LegalHold.case_id).join(Case, Case.id == LegalHold.case_id).where(case_is_visible(actor))
    return set(await work.scalars(query.where(LegalHold.case_id.in_(case_ids), LegalHold.lifted_at.is_(None))))


@prepared
def _answer(edge_id: Any, key: Any) -> Select[str, str]:
    mine = (IdempotencyKey.edge_id == edge_id, IdempotencyKey.key == key)
    return select(IdempotencyKey.request_digest, IdempotencyKey.answer).where(*mine)


async def find_answer(work: Work, actor: Actor, key: str) -> Row[str, str] | None:
    """`answer` is what this edge was answered to this key, and `request_digest` to what."""
    statement, values = _answer(actor.id, key)
    return (await work.execute(statement, values)).first()


async def own_evidence(work: Work, actor: Actor, violation_id: str, *, for_change: bool) -> Evidence | None:
    """What this edge reported, deleted or not, as it is now."""
    query = select(Evidence).where(Evidence.edge_id == actor.id, Evidence.violation_id == violation_id)
    query = query.options(joinedload(Evidence.edge), joinedload(Evidence.clip), joinedload(Evidence.case))
    if for_change:
        query = query.with_for_update(of=Evidence)
    evidence: Evidence | None = await work.scalar(query.execution_options(populate_existing=True))
    return evidence


async def clip_before(work: Work, actor: Actor, camera_id: str, sequence: int) -> Row[str, str, str] | None:
    """Of this edge and camera, the last one before this place in the chain: `folder` of its evidence, `digest`, `manifest`."""
    query = select(Evidence.folder, Clip.digest, Clip.manifest).join(Evidence, Evidence.violation_id == Clip.violation_id)
    query = query.where(Clip.edge_id == actor.id, Clip.camera_id == camera_id, Clip.sequence < sequence)
    return (await work.execute(query.order_by(Clip.sequence.desc()).limit(1))).first()


async def reserve(work: Work, actor: Actor, key: str, request_digest: str, at: datetime) -> bool:
    """Whether the key was this edge's to take. Another transaction that is taking it is waited for."""
    row = {"edge_id": actor.id, "key": key, "request_digest": request_digest, "answer": "", "created_at": at}
    return await insert_if_missing(work, IdempotencyKey, row)


@prepared
def _answering(edge_id: Any, key: Any, answer: Any) -> Update:
    keys = cast(TableClause, IdempotencyKey.__table__)  # of the class itself, the unit of work would take a part
    return update(keys).where(keys.c.edge_id == edge_id, keys.c.key == key).values(answer=answer)


async def keep_answer(work: Work, actor: Actor, key: str, answer: str) -> None:
    """To a key that `reserve` took."""
    await work.execute(*_answering(actor.id, key, answer))


@dataclass(frozen=True)
class Link:
    """One place in the chain of a camera, as it is kept."""

    sequence: int
    digest: str
    chain: Chain


@prepared
def _links(edge_id: Any, camera_id: Any, first: Any, last: Any) -> CompoundSelect[Any]:
    return union_all(
        *(
            select(table.sequence, table.digest, table.chain).where(
                table.edge_id == edge_id, table.camera_id == camera_id, table.sequence.between(first, last)
            )
            for table in (Evidence, Clip)
        )
    )


async def around_sequence(work: Work, actor: Actor, camera_id: str, sequence: int) -> dict[int, list[Link]]:
    """What this edge reported at a place in the chain of a camera, just before and just after; more than one is a fork."""
    found: dict[int, list[Link]] = {sequence + step: [] for step in (-1, 0, 1)}
    for row in await work.execute(*_links(actor.id, camera_id, sequence - 1, sequence + 1)):
        found[row.sequence].append(Link(*row))
    return found


def _mending(table: type[Evidence | Clip]) -> Callable[..., tuple[Update, dict[str, Any]]]:
    @prepared
    def mend(edge_id: Any, camera_id: Any, sequence: Any, digest: Any) -> Update:
        after = (table.edge_id == edge_id, table.camera_id == camera_id, table.sequence == sequence, table.chain == Chain.GAP)
        fits = case((table.previous == digest, Chain.WHOLE), else_=Chain.BROKEN)
        return update(table).where(*after).values(chain=fits).execution_options(synchronize_session=False)

    return mend


_MENDS = tuple(_mending(table) for table in (Evidence, Clip))


async def mend_gap(work: Work, actor: Actor, camera_id: str, sequence: int, digest: str) -> None:
    """What lies at this place after a gap: whether it names what has now come before it."""
    for mend in _MENDS:
        await work.execute(*mend(actor.id, camera_id, sequence, digest))


async def last_of_others(work: Work, actor: Actor, camera_id: str) -> str | None:
    """The digest of the last manifest of a camera that came in from another edge than this one: what the first one of this edge
    names as the one before it."""
    others = select(Evidence.edge_id).where(
        Evidence.camera_id == camera_id, Evidence.edge_id != actor.id, Evidence.chain != Chain.NONE
    )
    edge_id = await work.scalar(others.order_by(Evidence.received_at.desc()).limit(1))
    return None if edge_id is None else (await _last(work, camera_id, edge_id))[1]


async def last_of_own(work: Work, actor: Actor, camera_id: str) -> tuple[int, str]:
    """Number and digest of the last manifest of a camera that this edge has handed in; it has handed in one."""
    return await _last(work, camera_id, actor.id)


async def _last(work: Work, camera_id: str, edge_id: str) -> tuple[int, str]:
    last = (0, FIRST_OF_CHAIN)
    for table in (Evidence, Clip):
        links = select(table.sequence, table.digest).where(table.camera_id == camera_id, table.edge_id == edge_id)
        for sequence, digest in await work.execute(links.order_by(table.sequence.desc()).limit(1)):
            last = max(last, (sequence, digest))
    return last


async def cameras_reported(work: Work, actor: Actor, camera_ids: Collection[str]) -> set[str]:
    """Those of which this edge has handed in something already."""
    reported = exists().where(Evidence.camera_id == Camera.id, Evidence.edge_id == actor.id)
    return set(await work.scalars(select(Camera.id).where(Camera.id.in_(camera_ids), reported)))


@prepared
def _centre_keys() -> Select[CentreKey]:
    return select(CentreKey).order_by(CentreKey.created_at.desc(), CentreKey.public_key)


async def list_centre_keys(work: Work, actor: Actor) -> list[CentreKey]:
    """Newest first."""
    if not actor.sees_all_places:
        return []
    return list(await work.scalars(*_centre_keys()))


async def list_statements(
    work: Work, actor: Actor, *, case_ids: Collection[int] | None = None, camera_id: str | None = None
) -> dict[str, list[SignedStatement]]:
    """What the centre has said of the manifests of these cases, or of a camera: by their digest, in order."""
    query = select(Countersignature).join(Case, Case.id == Countersignature.case_id).where(case_is_visible(actor))
    if case_ids is not None:
        query = query.where(Countersignature.case_id.in_(case_ids))
    if camera_id is not None:
        query = query.where(Case.camera_id == camera_id)
    found: dict[str, list[SignedStatement]] = defaultdict(list)
    for row in await work.scalars(query.order_by(Countersignature.case_id, Countersignature.manifest, Countersignature.number)):
        statement = Statement.model_validate_json(row.statement)
        found[row.manifest].append(SignedStatement(statement=statement, signature=row.signature))
    return found
