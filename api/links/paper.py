"""The link on a printed notice: whoever scans it sees no more than a group does, and can have a link of their own sent."""

from datetime import datetime

from api.accounts.actors import Actor
from api.cases.service import get_case
from api.centre import Centre
from api.kit import base64url
from api.kit.database import insert_if_missing
from api.kit.tokens import token_hash
from api.links import repository
from api.links.service import TOKEN_BYTES
from api.links.tables import CaseLink, LinkKind
from api.notices.schemas import Facts

# Notices that were issued with these templates tell the shop to sign in.
_TEMPLATES_OF_ACCOUNTS = (1,)


async def address_on_paper(centre: Centre, actor: Actor, facts: Facts, at: datetime) -> str:
    """The same on every print of the notice, until it is revoked. A draft is nobody's yet: it leads to the case."""
    if facts.number is None or facts.template in _TEMPLATES_OF_ACCOUNTS:
        return f"{centre.public_url}/cases/{facts.case_id}"
    async with centre.database.writing() as work:
        case = await get_case(work, actor, facts.case_id)
        revoked = await repository.count_revoked_paper(work, actor, case.id)
        # Made of a key that lies outside the database: who reads that cannot open the link.
        token = base64url.encode(centre.keyring.derive(f"paper link {case.id} {revoked}")[:TOKEN_BYTES])
        link = {
            "token_hash": token_hash(token), "kind": LinkKind.PAPER, "case_id": case.id, "target_id": None, "person": "",
            "created_at": at,
        }
        await insert_if_missing(work, CaseLink, link)
    return f"{centre.public_url}/n/{token}"
