"""From labels and teachers' opinions to what the finder is taught in one picture.

A given label always counts. Where a class was not looked for, a teacher's box becomes a label only when a second
witness confirms it (another teacher, a face in the head, a person around the head or hand); a box without a witness
becomes a region where nothing is taught, neither presence nor absence.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.boxes import Boxes, areas, centres_inside, faces_in_heads, head_from_face, intersections, ious, keep_best
from models.data import FACES, HANDS, HEADS, Picture
from models.data import PERSON as PERSON_LABEL
from models.publish import CLASSES, THINGS
from models.teachers import Opinion

PERSON, HEAD, HAND, CIG = (CLASSES.index(name) for name in ("person", "head", "hand", "cigarette"))
NUMBERED = {CLASSES.index(name): given for name, given in THINGS.items()}
ANNOTATED_AS = {HEAD: frozenset(HEADS + FACES), HAND: frozenset(HANDS)}
ANNOTATED_AS |= {label: frozenset([given]) for label, given in NUMBERED.items()}


@dataclass(frozen=True)
class Targets:
    """What one picture teaches the finder."""

    classes: NDArray[np.int64]
    """[n], indices into CLASSES"""
    boxes: Boxes
    """[n, 4] pixels"""
    unsure: tuple[Boxes, ...]
    """per class: regions where nothing is taught"""
    unknown: frozenset[int]
    """classes of which the picture says nothing at all"""

    def of(self, label: int) -> Boxes:
        """Boxes [k, 4] of one class."""
        return np.asarray(self.boxes[self.classes == label])


def targets(picture: Picture, opinion: Opinion | None, no_cigarette: bool = False) -> Targets:
    """Merge a picture's labels with the teachers' opinion (None: every class is annotated or stays unknown).

    ``no_cigarette``: a person has looked at the heads and found none; hands elsewhere stay open.
    """
    found: dict[int, Boxes] = {}
    unsure: dict[int, Boxes] = {label: _none() for label in range(len(CLASSES))}
    annotated = picture.annotated
    if PERSON_LABEL in annotated:
        found[PERSON] = picture.of(PERSON_LABEL)
    elif opinion is not None:
        found[PERSON], unsure[PERSON] = _persons(opinion)
    if opinion is not None:
        people = np.concatenate([found[PERSON], unsure[PERSON]])
        found[HEAD], unsure[HEAD] = _heads(picture, opinion, people)
    elif set(HEADS) <= annotated:
        found[HEAD] = picture.of(*HEADS)
    if set(HANDS) <= annotated:
        found[HAND] = picture.of(*HANDS)
        if opinion is not None:
            spare = _above(np.concatenate([opinion.pinto_hand, opinion.feige_hand]), 0.4)
            unsure[HAND] = spare[_unmatched(spare, found[HAND], 0.2)]
    elif opinion is not None:
        found[HAND], unsure[HAND] = (
            boxes[ious(boxes, picture.no_hands).max(1, initial=0) < 0.5] for boxes in _hands(opinion, people)
        )
    found |= {label: picture.of(given) for label, given in NUMBERED.items() if given in annotated}
    if no_cigarette and CIG not in found:
        found[CIG], unsure[CIG] = _none(), np.concatenate([found.get(HAND, _none()), unsure[HAND]])
    taught = {**{label: _none() for label in range(len(CLASSES))}, **found}
    judged = {HEAD: _judged_heads(picture), HAND: _judged_hands(picture)}
    for label, alone in (judged | {label: picture.of(given) for label, given in NUMBERED.items()}).items():
        others = taught[label]
        # Boxes of classes that nobody looked for: known alone, and surer than a teacher's box of the same thing.
        if label not in found or (len(alone) and not ANNOTATED_AS[label] & annotated):
            taught[label] = np.concatenate([others[_unmatched(others, alone, 0.3)], alone])
    return Targets(
        np.concatenate([np.full(len(b), label, np.int64) for label, b in taught.items()]),
        np.concatenate(list(taught.values())),
        tuple(unsure[label] for label in range(len(CLASSES))),
        frozenset(range(len(CLASSES))) - found.keys(),
    )


def _judged_heads(picture: Picture) -> Boxes:
    """Every head that a label speaks of, once."""
    return _once(picture.of(*HEADS), head_from_face(picture.of(*FACES)), picture.smokers, picture.non_smokers)


def _judged_hands(picture: Picture) -> Boxes:
    """Every hand that a label speaks of, once."""
    return _once(picture.of(*HANDS), picture.smoking_hands, picture.empty_hands)


def _once(*boxes: Boxes) -> Boxes:
    every = np.concatenate(boxes).astype(np.float32)
    return every[keep_best(every, np.ones(len(every), np.float32), 0.3)]


def _persons(opinion: Opinion) -> tuple[Boxes, Boxes]:
    coco, pinto = _above(opinion.coco_person, 0.25), _above(opinion.pinto_person, 0.25)
    sure = (opinion.coco_person[:, 4] >= 0.6)[opinion.coco_person[:, 4] >= 0.25]
    agreed = ious(coco, pinto).max(1, initial=0) >= 0.5
    good = coco[sure | agreed]
    # Small or doubtful people of either teacher, and crowds that only one of them saw, stay open.
    spare = np.concatenate([opinion.coco_person[:, :4], _above(opinion.pinto_person, 0.2)])
    return good, spare[_unmatched(spare, good, 0.5)]


def _heads(picture: Picture, opinion: Opinion, people: Boxes) -> tuple[Boxes, Boxes]:
    """Existence from labels or two witnesses; outline from the head teacher joined with the face."""
    rows = opinion.pinto_head[opinion.pinto_head[:, 4] >= 0.2]
    seen, scores = rows[:, :4], rows[:, 4]
    given = picture.of(*HEADS) if set(HEADS) <= picture.annotated else _none()
    faces = picture.of(*FACES) if set(FACES) <= picture.annotated else _none()
    teacher_faces = _above(opinion.face, 0.3)
    heads: list[NDArray[np.float32]] = []
    used = np.zeros(len(seen), bool)
    for head in given:
        overlap = ious(head[None], seen)[0]
        if picture.derived_heads and len(seen) and overlap.max() >= 0.4:
            # The label is a grown face: it often ends at the hair. The union reaches over hair and cap.
            heads.append(_join(head, seen[overlap.argmax()]))
        else:
            heads.append(head)
        used |= overlap >= 0.3
    for witnesses, labelled in ((faces, True), (teacher_faces, False)):
        for face in witnesses:
            if heads and faces_in_heads(face[None], np.array(heads)).any():
                continue
            match = faces_in_heads(face[None], seen)[0] & ~used
            if match.any():
                best = np.where(match, scores, 0).argmax()
                heads.append(_join(seen[best], face))
                used |= ious(seen[best][None], seen)[0] >= 0.3
            elif labelled:
                heads.append(head_from_face(face[None])[0])
    # Backs of heads have no face: a confident head in the upper part of a person is witness enough.
    centre = (seen[:, 1] + seen[:, 3]) / 2
    upper = centre[:, None] <= people[None, :, 1] + 0.4 * (people[:, 3] - people[:, 1])[None]
    placed = (centres_inside(seen, people) & upper).any(1) if len(people) else np.zeros(len(seen), bool)
    good = placed & (scores >= 0.5) & ~used
    heads.extend(seen[good])
    result = np.array(heads, np.float32).reshape(-1, 4)
    weak = np.concatenate([seen[~used & ~good], head_from_face(opinion.face[:, :4]), opinion.pinto_head[:, :4]])
    return result, weak[_unmatched(weak, result, 0.3)]


def _hands(opinion: Opinion, people: Boxes) -> tuple[Boxes, Boxes]:
    pinto, feige = opinion.pinto_hand, opinion.feige_hand
    both = ious(pinto[:, :4], feige[:, :4])
    # feige's outline is the better one where both see the hand.
    agreed = feige[(both.max(0, initial=0) >= 0.4) & (feige[:, 4] >= 0.25), :4]
    alone = np.concatenate([feige[feige[:, 4] >= 0.6], pinto[pinto[:, 4] >= 0.6]])[:, :4]
    if len(alone) and len(people):
        # A hand is small beside its person; a larger box is a face or an arm that was taken for one.
        small = areas(alone)[:, None] < 0.15 * areas(people)[None]
        alone = alone[(centres_inside(alone, people) & small).any(1)]
    else:
        alone = _none()
    good = agreed
    for box in alone:
        if not len(good) or ious(box[None], good).max() < 0.3:
            good = np.concatenate([good, box[None]])
    weak = np.concatenate([pinto[:, :4], feige[:, :4]])
    return good, weak[_unmatched(weak, good, 0.3)]


def _above(rows: NDArray[np.float32], score: float) -> Boxes:
    return rows[rows[:, 4] >= score, :4]


def _unmatched(boxes: Boxes, known: Boxes, overlap: float) -> NDArray[np.bool_]:
    """Boxes that neither match a known one nor lie mostly inside one."""
    inside = intersections(boxes, known) / np.maximum(areas(boxes)[:, None], 1e-9)
    return np.asarray((ious(boxes, known).max(1, initial=0) < overlap) & (inside.max(1, initial=0) < 0.8))


def _join(a: NDArray[np.float32], b: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.concatenate([np.minimum(a[:2], b[:2]), np.maximum(a[2:], b[2:])])


def _none() -> Boxes:
    return np.zeros((0, 4), np.float32)
