"""The evidence that a case is shown with."""

from collections.abc import Sequence

from api.accounts.actors import Actor
from api.accounts.permissions import Permission
from api.cases.tables import Case
from api.centre import Centre
from api.console.exhibit_views import Exhibit
from api.evidence import service as evidence
from api.evidence.tables import Evidence
from api.kit.database import Work


async def exhibit_of(
    work: Work, actor: Actor, centre: Centre, case: Case, found: Sequence[Evidence], why: str | None = None
) -> Exhibit | None:
    """The first piece, on which the case was opened, with its seal checked anew; None where there is none any more. `why` is the
    reason for which faces are shown outside the review."""
    if not found:
        return None
    seal = await evidence.check_seal(work, actor, centre.files, found[0].violation_id)
    sees_faces = evidence.is_in_review(actor, case)
    reason = (why or "").strip() if actor.may(Permission.EVIDENCE_READ) and not sees_faces else ""
    return Exhibit(found[0], evidence.manifest_of(found[0]), seal, sees_faces, reason)
