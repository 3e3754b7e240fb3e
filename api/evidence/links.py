"""Links to one picture that open it for a while without a token: for the picture element of an app.

A link is its own proof: what it says is encrypted and authenticated with the centre's keys, so that nothing in it can be changed.
Making one is checked and recorded like a look, and so is each use.
"""

from datetime import datetime, timedelta

from pydantic import BaseModel, SecretStr

from api.accounts.actors import Actor, ActorKind, Client
from api.accounts.permissions import Permission
from api.audit.service import record
from api.clients import repository as clients
from api.evidence import service
from api.evidence.service import BLURRED, EvidenceFile, ReasonNeeded, Wanted
from api.kit import base64url
from api.kit.database import Work
from api.kit.problems import Gone, NotFound
from api.kit.secrets import Keyring, KeyringError

# Time to show a picture, and to scroll back to it.
LASTS = timedelta(minutes=15)
_BELONGS_TO = "link to a picture"


class LinkExpired(Gone):
    code = "link-expired"


class _Link(BaseModel):
    """Who asked for it, and for what."""

    violation_id: str
    file: str
    until: datetime
    kind: ActorKind
    id: str
    name: str
    client: tuple[str, str] | None
    shop_id: str
    reason: str | None

    def actor(self, address: str) -> Actor:
        """Sees this one thing: the case was theirs to see when they asked."""
        permissions = {Permission.CASES_READ, Permission.EVIDENCE_BLURRED}
        if self.file != BLURRED:
            permissions.add(Permission.EVIDENCE_READ)
        client = Client(*self.client, frozenset(), frozenset({self.shop_id}), True) if self.client else None
        return Actor(
            self.kind, self.id, self.name, frozenset(permissions), shop_id=self.shop_id, address=address, client=client
        )


async def find_to_link(work: Work, actor: Actor, violation_id: str, name: str, reason: str | None) -> Wanted:
    """Raises what a look raises; faces always need a reason."""
    if name != BLURRED and not (reason or "").strip():
        actor.require(Permission.EVIDENCE_READ)
        raise ReasonNeeded("Faces can be recognised in this picture. Say why you look at it: reason, or take blurred.jpg.")
    return await service.find_file(work, actor, violation_id, name, reason)


def make_link(
    work: Work, actor: Actor, keyring: Keyring, file: EvidenceFile, violation_id: str, name: str, at: datetime
) -> tuple[str, datetime]:
    """What opens the picture that was found and loaded, and until when."""
    link = _Link(
        violation_id=violation_id, file=name, until=at + LASTS, kind=actor.kind, id=actor.id, name=actor.name,
        client=(actor.client.id, actor.client.name) if actor.client else None, shop_id=file.shop_id, reason=file.reason,
    )
    sealed = keyring.encrypt(SecretStr(link.model_dump_json()), _BELONGS_TO)
    record(
        work, actor, "evidence.linked", "case", file.case_id, shop_id=file.shop_id, reason=file.reason, violation=violation_id,
        file=name, faces=file.is_unblurred,
    )
    return base64url.encode(sealed.encode()), link.until


async def find_linked(work: Work, keyring: Keyring, token: str, address: str, at: datetime) -> tuple[Actor, _Link, Wanted]:
    """Whose look it is, what at, and the file that is to be loaded. Raises NotFound or LinkExpired."""
    try:
        sealed = base64url.decode(token).decode("ascii")
        link = _Link.model_validate_json(keyring.decrypt(sealed, _BELONGS_TO).get_secret_value())
    except (KeyringError, ValueError) as error:
        raise NotFound("This is no link that the centre gave out.") from error
    if at >= link.until:
        raise LinkExpired("The time of this link is over. Ask for a new one: POST /api/v1/evidence/ID/links.")
    actor = link.actor(address)
    if not await clients.is_still_let_in(work, actor):
        raise LinkExpired("Who asked for this link may look no longer: the account, or the program's access, has ended.")
    return actor, link, await service.find_file(work, actor, link.violation_id, link.file, link.reason)
