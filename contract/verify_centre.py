"""Checking what the centre says of one manifest: that its statements are its own, whole, and what they say in plain words."""

from collections.abc import Iterator, Sequence
from datetime import datetime

from pydantic import ValidationError

from contract.base import BEIJING
from contract.countersigning import FIRST, CentreWord, SignedCertificate, SignedStatement, Statement
from contract.evidence import ClipManifest, Manifest
from contract.findings import Finding, Trust, about_centre_key, bad, certificate_of, good
from contract.signing import digest, is_signed, read_key

_ACTS = {
    "received": ("received from", "收到，来自"), "confirm": ("confirmed by", "确认"), "dismiss": ("dismissed by", "不予处理"),
    "merge": ("merged into another case by", "并入另案"), "split": ("separated from another case by", "撤销并案"),
    "undo": ("judgement taken back by", "撤回判断"),
    "reopen": ("taken up again by", "重新审核"), "uphold": ("objection upheld by", "申辩成立"),
    "withdraw": ("notice withdrawn by", "撤销告知"), "deleted": ("lawfully deleted by", "依法删除"),
}


def beijing(moment: datetime) -> str:
    """For what is said in Chinese, as on the papers of the centre."""
    try:
        return f"{moment.astimezone(BEIJING):%Y-%m-%d %H:%M:%S}（北京时间）"
    except OverflowError:
        return f"{moment:%Y-%m-%d %H:%M:%S}（UTC）"


def about_package(about: str, manifest: Manifest | ClipManifest, word: CentreWord, key: str, trust: Trust) -> Iterator[Finding]:
    """`key` is that of the edge."""
    signed = certificate_of(word.edge, manifest.edge_id, key)
    if signed is None:
        yield bad(
            about, "The centre did not sign that this key is the edge's: its certificate was changed, or is another's.",
            "边缘盒密钥证明不是中心签发的：已被改动，或属于另一台边缘盒。",
        )
        return
    keys = dict.fromkeys([word.edge.certificate.key, *(one.statement.key for one in word.statements)])
    yield from filter(None, (about_centre_key(about, key, trust) for key in keys))
    problems = [*problems_of(about, manifest.digest(), word.statements), *_misplaced(about, manifest, word.statements)]
    yield from problems
    received = received_at(word.statements)
    yield from about_revocation(about, "It", "该证据", signed, received)
    if not problems and word.statements:
        yield good(about, f"Signed by the centre: {in_words(word.statements)}.", f"中心签名记载：{chinese(word.statements)}。")


def read_word(about: str, content: bytes) -> CentreWord | Finding:
    try:
        word = CentreWord.model_validate_json(content)
        if word.model_dump_json().encode() == content.rstrip():
            return word
    except ValidationError:
        pass
    return bad(
        about, "What the centre says of it is not as it was written: it was changed.", "中心的签名记载与原文不一致：已被改动。"
    )


def problems_of(about: str, manifest: str, statements: Sequence[SignedStatement], name: str = "", zh: str = "") -> list[Finding]:
    """What is wrong with the statements about the manifest with this digest. `name` and `zh` say which one it is among others."""
    found, before = [], FIRST
    for number, one in enumerate(statements, 1):
        said = one.statement
        if not is_signed(said, one.signature, read_key(said.key)):
            found.append(
                bad(about, f"{name}Statement {number} of the centre was not signed by the key that it names: {_said(said)}.",
                    f"{zh}中心的第 {number} 条记载签名无效。")
            )
        if said.manifest != manifest:
            found.append(bad(about, f"{name}Statement {number} of the centre is about another manifest.",
                             f"{zh}中心的第 {number} 条记载针对的是另一份清单。"))
        if (said.number, said.before) != (number, before):
            found.append(
                bad(
                    about,
                    f"{name}Statement {number} of the centre does not follow the one before it: one was removed or changed.",
                    f"{zh}中心的第 {number} 条记载与前一条不衔接：有记载被删去或改动。",
                )
            )
        before = digest(said)
    return found


def about_revocation(
    about: str, name: str, zh: str, signed: SignedCertificate | None, received: datetime | None
) -> Iterator[Finding]:
    """Of one manifest whose edge is trusted no longer: did the centre have it before?"""
    revoked = signed.certificate.revoked_at if signed is not None else None
    if revoked is None:
        return
    at = f"{revoked:%Y-%m-%d %H:%M:%S} UTC"
    if received is None or received >= revoked:
        yield bad(
            about, f"{name} was signed with a key that was revoked at {at}, and nothing shows that the centre had it before.",
            f"{zh}的签名密钥已于 {beijing(revoked)} 吊销，且没有记载表明中心在此之前已收到。",
        )
    else:
        yield good(
            about, f"The key was revoked at {at}; {name.lower()} came in before that.",
            f"签名密钥已于 {beijing(revoked)} 吊销；{zh}在此之前已收到。",
        )


def received_at(statements: Sequence[SignedStatement]) -> datetime | None:
    """By the centre's clock; only what is signed counts."""
    return next(
        (
            one.statement.at for one in statements
            if one.statement.act == "received" and is_signed(one.statement, one.signature, read_key(one.statement.key))
        ),
        None,
    )


def in_words(statements: Sequence[SignedStatement]) -> str:
    return "; ".join(_said(one.statement) for one in statements)


def _said(statement: Statement) -> str:
    ground = f" ({statement.ground})" if statement.ground else ""
    return f"{_ACTS[statement.act][0]} {statement.by} at {statement.at:%Y-%m-%d %H:%M:%S} UTC{ground}"


def chinese(statements: Sequence[SignedStatement]) -> str:
    parts = []
    for one in statements:
        said = one.statement
        ground = f"（{said.ground}）" if said.ground else ""
        parts.append(f"{beijing(said.at)}{_ACTS[said.act][1]} {said.by}{ground}")
    return "；".join(parts)


def _misplaced(
    about: str, manifest: Manifest | ClipManifest, statements: Sequence[SignedStatement]
) -> Iterator[Finding]:
    place = (manifest.edge_id, manifest.camera_id, manifest.sequence, manifest.previous)
    for one in statements:
        said = one.statement
        if (said.edge_id, said.camera_id, said.sequence, said.previous) != place:
            yield bad(about, f"Statement {said.number} of the centre names another place in the chain.",
                      f"中心的第 {said.number} 条记载所指的链上位置不同。")
