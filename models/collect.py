"""Reviewers' verdicts as a data folder: what people at a centre decided teaches the next weights.

A verdict speaks of one box. Its picture is annotated for nothing, and the box is a label all the same, which says: this one is
known, and nothing else in the picture is.
"""

import json
import os
from collections import defaultdict
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import cv2
import httpx
import numpy as np
from numpy.typing import NDArray
from pydantic import TypeAdapter

from contract.catalogue import load_catalogue
from contract.evidence import MarkedBox
from models.boxes import Boxes, face_in_head, relative
from models.data import CIGARETTE, FACE_MASK, FACE_NO_MASK, HAND_BARE, HAND_GLOVE, HEAD_BARE, HEAD_HAT, DataError
from models.durable import replace_file, write_picture

API = "/api/v1"
UNDECIDED = frozenset({"detected", "pending_review", "merged", "withdrawn"})
SURE = 0.5
"""Score from which on a dismissed box is taken for the head or hand it was said to be; below it may have been a pot."""
VIOLATES = {"cap": HEAD_BARE, "mask": FACE_NO_MASK, "glove": HAND_BARE}
FITS = {"cap": HEAD_HAT, "mask": FACE_MASK, "glove": HAND_GLOVE}
_BOXES = TypeAdapter(list[MarkedBox])


def sign_in(centre: httpx.Client, login: str, password: str) -> None:
    """Open a session; raises DataError with what to do."""
    try:
        answer = centre.post(f"{API}/login", json={"login": login, "password": password})
    except httpx.HTTPError as error:
        raise DataError(f"The centre at {centre.base_url} cannot be reached ({error}). Check the address.") from None
    if answer.status_code != 200:
        raise DataError(f"The centre refused to sign {login} in: {_said(answer)}")


def collect(centre: httpx.Client, out: Path, faces_because: str | None, say: Callable[[str], None]) -> int:
    """Add every verdict that ``out`` does not hold yet; returns how many.

    The centre makes faces outside the violation unrecognisable, unless ``faces_because`` says why they must be kept, and writes
    every look and that reason into its audit.
    """
    signs = {rule.code: rule.sign.attribute for rule in load_catalogue().rules if rule.sign}
    manifest = out / "manifest.jsonl"
    (out / "images").mkdir(parents=True, exist_ok=True)
    (out / "labels").mkdir(exist_ok=True)
    rows = _rows(manifest)
    sources = {row["shop"]: str(row["source"]) for row in rows if "shop" in row}
    held: dict[int, dict[str, Any]] = defaultdict(dict)  # by case and violation
    for row in rows:
        held[row.get("case", 0)][Path(row["image"]).stem] = row
    added = 0
    reason = faces_because or "training data, faces outside the violation blurred"
    for summary in _cases(centre):
        known = held[summary["id"]]
        case = None if summary["state"] in UNDECIDED else _json(centre, f"/cases/{summary['id']}", {})
        violates = None if case is None else _verdict(case)
        if stale := {name for name, row in known.items() if row.get("violates", violates) != violates or violates is None}:
            _forget(manifest, stale)
            say(f"case {summary['id']} was decided otherwise since, what was held of it is taken back")
        attribute = signs.get(summary["rule"])
        if case is None or attribute is None or violates is None:
            continue
        for evidence in case["evidence"]:
            if evidence["violation_id"] in known.keys() - stale or _moment(evidence["received_at"]) > _decided_at(case):
                continue
            boxes = _BOXES.validate_python(evidence["boxes"])
            labels = _labels(attribute, violates, boxes, (evidence["frame_width"], evidence["frame_height"]))
            if labels is None:
                continue
            picture = _picture(centre, evidence, "judged.jpg" if faces_because is None else "original.jpg", reason)
            if picture is None:
                say(f"case {case['id']}: the picture cannot be read, it is left out")
                continue
            about = {
                "source": _source(case["shop"], sources), "group": case["camera"]["id"], "day": evidence["captured_at"][:10],
                "licence": f"pictures of {centre.base_url.host}, for its own training only",
                "shop": case["shop"]["id"], "case": case["id"], "violates": violates,
            }  # fmt: skip
            _write(out, evidence, picture, labels, about)
            added += 1
    return added


def _source(shop: dict[str, str], sources: dict[str, str]) -> str:
    """What the folder calls a shop: what it has called it before, or its name, with its number where another one has that name.

    ``sources``: by the shop's number. A shop that was renamed stays one source, or its cameras would be dealt out twice.
    """
    name = f"shop {shop['name']}"
    if shop["id"] not in sources:
        sources[shop["id"]] = f"{name} {shop['id']}" if name in sources.values() else name
    return sources[shop["id"]]


def _rows(manifest: Path) -> list[dict[str, Any]]:
    """What the folder holds; a last line that a kill cut short is taken away. Raises DataError."""
    if not manifest.is_file():
        return []
    lines = manifest.read_bytes().splitlines(keepends=True)
    if lines and not lines[-1].endswith(b"\n"):
        replace_file(manifest, b"".join(lines[:-1]))
        del lines[-1]
    rows = []
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
            rows.append({**row, "image": row["image"]})
        except (KeyError, TypeError, ValueError) as error:
            raise DataError(f"{manifest}, line {number}: {error!r}. Correct or remove that line.") from None
    return rows


def _forget(manifest: Path, names: set[str]) -> None:
    """Take pictures out of the folder, their lines first: a picture that no line names is nobody's label."""
    lines = manifest.read_text("utf-8").splitlines(keepends=True)
    kept = (line for line in lines if line.strip() and Path(json.loads(line)["image"]).stem not in names)
    replace_file(manifest, "".join(kept).encode())
    for name in names:
        for part in (f"images/{name}.webp", f"labels/{name}.txt"):
            (manifest.parent / part).unlink(missing_ok=True)


def _cases(centre: httpx.Client) -> Iterator[dict[str, Any]]:
    """Every case, as the list of cases has it."""
    cursor: str | None = None
    while True:
        page = _json(centre, "/cases", {"limit": 100} | ({"cursor": cursor} if cursor else {}))
        yield from page["items"]
        cursor = page["next"]
        if cursor is None:
            return


def _verdict(case: dict[str, Any]) -> bool | None:
    """Whether people said that it violates; None where they said neither. "Cannot tell" is no negative, and what was set aside
    at a muted spot nobody has looked at."""
    if case["state"] != "dismissed":
        return True
    if not any(step["act"] == "dismiss" for step in case["transitions"]):
        return None
    return False if _last(case, "dismiss")["reason"] == "not_a_violation" else None


def _decided_at(case: dict[str, Any]) -> datetime:
    """Later evidence of the same case was not before the reviewer's eyes."""
    return _moment(_last(case, "dismiss" if case["state"] == "dismissed" else "confirm")["at"])


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _last(case: dict[str, Any], act: str) -> dict[str, Any]:
    return next(step for step in reversed(case["transitions"]) if step["act"] == act)


def _labels(
    attribute: str, violates: bool, boxes: list[MarkedBox], size: tuple[int, int]
) -> tuple[list[tuple[int, Boxes]], dict[str, list[list[float]]]] | None:
    """Label lines (class, boxes) and further keys of the manifest; None when no box is sure enough to carry the verdict."""

    def guilty(kind: str) -> Boxes:
        sure = [box.box for box in boxes if box.violating and box.kind == kind and (violates or box.score >= SURE)]
        return np.array(sure, np.float32).reshape(-1, 4)

    heads, hands = guilty("head"), guilty("hand")
    if attribute == "smoking":
        keys = ("smokers", "smoking_hands") if violates else ("non_smokers", "empty_hands")
        listed = {key: relative(judged, size) for key, judged in zip(keys, (heads, hands), strict=True) if len(judged)}
        return ([(CIGARETTE, guilty("cigarette"))] if violates else [], listed) if listed else None
    judged = hands if attribute == "glove" else heads
    if not len(judged):
        return None
    label = (VIOLATES if violates else FITS)[attribute]
    return [(label, face_in_head(judged) if attribute == "mask" else judged)], {}


def _picture(centre: httpx.Client, evidence: dict[str, Any], name: str, reason: str) -> NDArray[np.uint8] | None:
    """The frame, BGR; None when it is torn or of another size than its boxes are for."""
    answer = _get(centre, f"/evidence/{evidence['violation_id']}/{name}", {"reason": reason})
    image = cv2.imdecode(np.frombuffer(answer.content, np.uint8), cv2.IMREAD_COLOR) if answer.content else None
    if image is None or image.shape[:2] != (evidence["frame_height"], evidence["frame_width"]):
        return None
    return np.asarray(image, np.uint8)


def _write(
    out: Path,
    evidence: dict[str, Any],
    picture: NDArray[np.uint8],
    labels: tuple[list[tuple[int, Boxes]], dict[str, list[list[float]]]],
    about: dict[str, Any],
) -> None:
    """Picture and label first, the manifest's line last: what a kill leaves behind is written again."""
    name, size = evidence["violation_id"], (evidence["frame_width"], evidence["frame_height"])
    write_picture(out / "images" / f"{name}.webp", picture)
    lines = [" ".join(map(str, (label, *box))) for label, boxes in labels[0] for box in relative(boxes, size)]
    (out / "labels" / f"{name}.txt").write_text("".join(f"{line}\n" for line in lines), "utf-8")
    row = {
        "image": f"images/{name}.webp", "label": f"labels/{name}.txt", "annotated": [], "width": size[0], "height": size[1],
        **about, **labels[1],
    }  # fmt: skip
    with (out / "manifest.jsonl").open("a", encoding="utf-8") as file:
        file.write(json.dumps(row, ensure_ascii=False) + "\n")
        file.flush()
        os.fsync(file.fileno())


def _json(centre: httpx.Client, path: str, parameters: dict[str, str | int]) -> Any:
    try:
        return _get(centre, path, parameters).json()
    except ValueError:
        raise DataError(f"What answers at {centre.base_url} is no centre of Sunshine Kitchen. Check the address.") from None


def _get(centre: httpx.Client, path: str, parameters: dict[str, str | int]) -> httpx.Response:
    try:
        answer = centre.get(API + path, params=parameters)
    except httpx.HTTPError as error:
        raise DataError(f"The centre stopped answering ({error}). Run the command again: it goes on where it stopped.") from None
    if answer.status_code != 200:
        raise DataError(f"The centre refused {path}: {_said(answer)}")
    return answer


def _said(answer: httpx.Response) -> str:
    try:
        return str(answer.json()["detail"])
    except (ValueError, KeyError, TypeError):
        return f"HTTP {answer.status_code}"
