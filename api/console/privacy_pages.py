"""What the cameras see, how long it is kept, and who sees it: for everybody, and as the sign that hangs beside them
(个人信息保护法第十七条; 公共安全视频图像信息系统管理条例第十三条)."""

from collections.abc import Sequence

import anyio.to_thread
from fastapi import APIRouter, Request, Response
from markupsafe import Markup

from api.accounts.dependencies import CentreOf, MaybeSignedIn, SignedIn
from api.centre import Centre
from api.console.i18n import N_
from api.console.rendering import environment, page, speaker_of
from api.console.speech import Speaker
from api.console.views import Fact
from api.kit.problems import Invalid
from api.kit.qr import qr_png
from api.kit.work import Reading
from api.notices.endpoints import pdf
from api.notices.paper import NoSuchCharacter, write_pdf
from api.places import service as places
from api.places.schemas import Id
from api.places.tables import Shop

router = APIRouter()
_QR = "/privacy.png"


class CannotBePrinted(Invalid):
    code = "cannot-be-printed"


@router.get("/privacy")
async def privacy_page(request: Request, actor: MaybeSignedIn, centre: CentreOf) -> Response:
    speaker = speaker_of(request)
    return page(request, "privacy.html", actor=actor, rules=_rules(speaker, centre), kept=kept_words(speaker, centre))


@router.get(_QR)
async def privacy_code(centre: CentreOf) -> Response:
    return Response(qr_png(_address(centre)), media_type="image/png")


@router.get("/shops/{shop_id}/sign")
async def sign_page(request: Request, actor: SignedIn, work: Reading, centre: CentreOf, shop_id: Id) -> Response:
    shop = await places.get_shop(work, actor, shop_id)
    return page(
        request, "sign.html", actor=actor, shop_id=shop_id, name=shop.name, language=speaker_of(request).language.value,
        document=_sign(speaker_of(request), centre, shop, _QR),
    )


@router.get("/shops/{shop_id}/sign.pdf")
async def sign_pdf(request: Request, actor: SignedIn, work: Reading, centre: CentreOf, shop_id: Id) -> Response:
    shop, speaker = await places.get_shop(work, actor, shop_id), speaker_of(request)
    html, code = _sign(speaker, centre, shop, "privacy.png"), {"privacy.png": qr_png(_address(centre))}
    title = speaker.say(N_("Cameras are working here"))
    try:
        content = await anyio.to_thread.run_sync(lambda: write_pdf(html, title, pictures=code))
    except NoSuchCharacter as problem:
        raise CannotBePrinted(f"The font lacks {problem}. Print the page itself.") from None
    return pdf(content, f"sign-{shop_id}.pdf")


def _sign(speaker: Speaker, centre: Centre, shop: Shop, qr: str) -> Markup:
    """The inside of a page, for a browser and for paper."""
    html = environment(speaker.language).get_template("sign_text.html").render(
        shop=shop, station=shop.district, rules=_rules(speaker, centre), kept=kept_words(speaker, centre), qr=qr,
        address=_address(centre),
    )
    return Markup(html)  # noqa: S704 - the template escaped what it was given


def _address(centre: Centre) -> str:
    return f"{centre.public_url}/privacy"


def _rules(speaker: Speaker, centre: Centre) -> str:
    """What is looked for."""
    return speaker.listed(dict.fromkeys(speaker.choose(rule.name) for rule in centre.catalogue.rules if rule.available))


def kept_words(speaker: Speaker, centre: Centre) -> Sequence[Fact]:
    """For how long what is kept, as this centre is set."""
    retention = centre.retention

    by_hand, file = N_("until a section head of the authority deletes it"), N_("as long as the enforcement file needs it")
    return [
        Fact(speaker.say(what), speaker.say(words, days=days) if days is not None else speaker.say(otherwise))
        for what, days, words, otherwise in (
            (
                N_("What a person has found to be no violation"), retention.dismissed,
                N_("%(days)s days after that decision"), by_hand,
            ),
            (N_("A violation"), retention.ended, N_("%(days)s days after its case has ended"), by_hand),
            (
                N_("What was turned over to enforcement"), retention.transferred,
                N_("%(days)s days after it was turned over"), file,
            ),
        )
    ]
