"""One picture's observation against its labels: what was found, what was told about it, and what was missed."""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from detector.attributes import VIOLATING
from detector.boxes import Box, square_around
from detector.observation import MOUTH_REACH, Attribute, AttributeName, Hand, Head, Observation
from models.boxes import Boxes, centres_inside, faces_in_heads, head_from_face, intersections, ious
from models.data import (
    BACKS_OF_HEADS,
    CIGARETTE,
    FACE_MASK,
    FACE_NO_MASK,
    FACES,
    HAND_BARE,
    HAND_GLOVE,
    HANDS,
    HEAD_BARE,
    HEAD_HAT,
    HEADS,
    MASK_WRONG,
    PERSON,
    SIMULATOR,
    Picture,
)
from models.outcomes import NOT_FOUND, Candidate, Judged, Label
from models.publish import THINGS

EVERY_FACE_LABELLED = (SIMULATOR, BACKS_OF_HEADS)
"""sources where a head without a labelled face shows none; elsewhere a face may have been overlooked"""
LOOKED_FOR = {"person": (PERSON,), "head": HEADS, "hand": HANDS, **{name: (given,) for name, given in THINGS.items()}}
"""which labels answer for what the finder looks for, by its name"""
BODY_IOU = 0.5
"""of a label and the person or head that is found there"""
SAME_HEAD_IOU = 0.35
"""head boxes of the public sets are grown face boxes: a loose overlap is the same head"""
SAME_IOU = 0.4
"""of a label and the hand or thing that is found there, and of a label and the head or hand whose state answers for it"""
CAPS = {HEAD_HAT: "worn", HEAD_BARE: "missing"}
MASKS = {FACE_MASK: "worn", FACE_NO_MASK: "missing", MASK_WRONG: "wrong"}
GLOVES = {HAND_GLOVE: "worn", HAND_BARE: "missing"}


@dataclass
class Matches:
    """All that a set of pictures shows about the weights."""

    head_scale: float
    hand_scale: float
    """of a crop: a cigarette in such a square around all of a head, or hand, is theirs"""
    least: Mapping[str, float]
    """from which score on the product takes what the finder found for a person, a head, a hand, or a thing"""
    candidates: dict[str, list[Candidate]] = field(default_factory=lambda: defaultdict(list))
    labels: dict[str, list[Label]] = field(default_factory=lambda: defaultdict(list))
    judged: list[Judged] = field(default_factory=list)

    def add(
        self, number: int, picture: Picture, seen: Observation, found: Mapping[str, Sequence[tuple[Box, float]]]
    ) -> None:
        """Compare picture ``number`` with what the detector, as it is used, saw in it.

        ``found``: boxes and scores of what the finder found, however faint, by its name.
        """
        heads = [p.head for p in seen.people if p.head is not None]
        hands = [hand for p in seen.people for hand in p.hands]
        head_boxes, hand_boxes = _boxes([h.box for h in heads]), _boxes([h.box for h in hands])
        for name, classes in LOOKED_FOR.items():
            if set(classes) <= picture.annotated and not (name == "head" and picture.derived_heads):
                labels, least = picture.of(*classes), self.least[name]
                rows = [(box, score, score >= least) for box, score in found.get(name, ())]
                overlap = BODY_IOU if name in ("person", "head") else SAME_IOU
                self._rank(name, number, rows, labels, _alike(_boxes([box for box, *_ in rows]), labels, overlap))
        self._rank_state(
            "bare hand", number, [(h.box, h.glove) for h in hands], picture, HANDS, (HAND_BARE,),
            lambda labels: _alike(hand_boxes, labels, SAME_IOU),
        )  # fmt: skip
        self._judge("glove", number, picture, GLOVES, ious(hand_boxes, picture.boxes), [h.glove for h in hands])
        self._rank_state(
            "no mask", number, [(h.box, h.mask) for h in heads], picture, FACES, (FACE_NO_MASK, MASK_WRONG),
            lambda labels: _around(head_boxes, labels),
        )  # fmt: skip
        self._judge("mask", number, picture, MASKS, _around(head_boxes, picture.boxes), [h.mask for h in heads])
        self._rank_state(
            "no cap", number, [(h.box, h.cap) for h in heads], picture, HEADS, (HEAD_BARE,),
            lambda labels: _alike(head_boxes, labels, SAME_HEAD_IOU),
        )  # fmt: skip
        self._judge("cap", number, picture, CAPS, ious(head_boxes, picture.boxes), [h.cap for h in heads])
        self._judge_smoking(number, picture, heads, hands)
        if CIGARETTE in picture.annotated:
            self._rank_smoking(number, picture.of(CIGARETTE), seen)
        if picture.source in EVERY_FACE_LABELLED and set(FACES) <= picture.annotated:
            self._judge_backs(number, picture, heads, head_boxes)
        self._judge_hidden_hands(number, picture, hands, hand_boxes)

    def _rank(
        self, name: str, number: int, found: Sequence[tuple[Box, float, bool]], labels: Boxes, alike: NDArray[np.float32]
    ) -> None:
        """Greedy matching, best score first, to the label that is most ``alike`` [found, labels] and not found yet.

        ``found``: boxes, scores, and whether the product tells them.
        """
        free = np.ones(len(labels), bool)
        for index in np.argsort([-score for _, score, _ in found], kind="stable"):
            box, score, told = found[index]
            still = alike[index] * free
            best = int(still.argmax()) if still.any() else None
            size = _side(box if best is None else labels[best])
            if best is not None:
                free[best] = False
            self.candidates[name].append(Candidate(number, box, score, best is not None, size, told))
        self.labels[name] += [
            Label(number, _box(box), _side(box), not left) for box, left in zip(labels, free, strict=True)
        ]

    def _rank_state(
        self,
        name: str,
        number: int,
        found: Sequence[tuple[Box, Attribute]],
        picture: Picture,
        looked_for: tuple[int, ...],
        violating: tuple[int, ...],
        alike: Callable[[Boxes], NDArray[np.float32]],
    ) -> None:
        """Rank heads or hands by a state; where single boxes were judged alone, only what was found there."""
        known = picture.of(*looked_for)
        if not picture.tells_of(looked_for) or not (len(known) or set(looked_for) <= picture.annotated):
            return
        everywhere = set(looked_for) <= picture.annotated
        counted = np.asarray(np.ones(len(found), bool) if everywhere else alike(known).any(axis=1))
        labels = picture.of(*violating)
        rows = [(box, a.score, a.state in VIOLATING) for (box, a), counts in zip(found, counted, strict=True) if counts]
        self._rank(name, number, rows, labels, alike(labels)[counted])

    def _judge(
        self,
        attribute: AttributeName,
        number: int,
        picture: Picture,
        truth: Mapping[int, str],
        shared: NDArray[np.float32],
        told: Sequence[Attribute],
    ) -> None:
        """What is told about each label of ``truth``; ``shared`` [heads or hands, labels of the picture]."""
        if not picture.tells_of(tuple(truth)):
            return
        for column, label in enumerate(picture.classes):
            if label not in truth:
                continue
            box = picture.boxes[column]
            best = int(shared[:, column].argmax()) if len(told) else -1
            found = best >= 0 and shared[best, column] >= SAME_IOU
            state, score = (told[best].state, told[best].score) if found else (NOT_FOUND, 0.0)
            self.judged.append(Judged(attribute, number, _box(box), _side(box), truth[int(label)], state, score))

    def _judge_smoking(self, number: int, picture: Picture, heads: Sequence[Head], hands: Sequence[Hand]) -> None:
        """Cigarettes carry no person's label: a head or hand smokes when one lies in the square of a crop around all of it.
        Nobody smokes through a mask.

        Whose cigarette is within reach of the mouth, but outside that square, is not judged; nor is a hand into whose square one
        only reaches.
        """
        self._judge_smokers(number, heads, picture.smokers, picture.non_smokers)
        self._judge_smokers(number, hands, picture.smoking_hands, picture.empty_hands)
        sticks = picture.of(CIGARETTE)
        masked = np.asarray(faces_in_heads(picture.of(FACE_MASK), _boxes([h.box for h in heads])).any(axis=0))
        for index, head in enumerate(heads):
            smokes = _any_inside(sticks, square_around(head.box, self.head_scale))
            between = not smokes and _any_inside(sticks, square_around(head.box, MOUTH_REACH))
            if (CIGARETTE in picture.annotated and not between) or masked[index]:
                truth = "yes" if smokes else "no"
                told = head.smoking
                self.judged.append(Judged("smoking", number, head.box, _side(head.box), truth, told.state, told.score))
        for hand in hands if CIGARETTE in picture.annotated else ():
            square = square_around(hand.box, self.hand_scale)
            holds = _any_inside(sticks, square)
            if holds or not intersections(sticks, _boxes([square])).any():
                told = hand.smoking
                truth = "yes" if holds else "no"
                self.judged.append(Judged("smoking", number, hand.box, _side(hand.box), truth, told.state, told.score))

    def _rank_smoking(self, number: int, sticks: Boxes, seen: Observation) -> None:
        """Whether anyone in the picture smokes: one decision a picture, by whoever the rules hear."""
        heard: list[Head | Hand] = [p.head for p in seen.people if p.head is not None]
        heard += [hand for p in seen.people for hand in p.smoking_hands()]
        name, smokes = "smoking picture", bool(len(sticks))
        if heard:
            surest = max(heard, key=lambda one: one.smoking.score)
            size, told = _side(surest.box), any(one.smoking.state == "yes" for one in heard)
            self.candidates[name].append(Candidate(number, surest.box, surest.smoking.score, smokes, size, told))
        if smokes:  # where nobody is found, of the cigarette's size
            box = surest.box if heard else _box(sticks[0])
            self.labels[name].append(Label(number, box, _side(box), bool(heard)))

    def _judge_smokers(self, number: int, seen: Sequence[Head | Hand], smoking: Boxes, not_smoking: Boxes) -> None:
        """Heads or hands of which a reviewer has said whether they smoke."""
        for truth, judged in (("yes", smoking), ("no", not_smoking)):
            shared = ious(_boxes([one.box for one in seen]), judged)
            for column, box in enumerate(judged):
                best = int(shared[:, column].argmax()) if len(seen) else -1
                found = best >= 0 and shared[best, column] >= SAME_IOU
                told = seen[best].smoking if found else Attribute("unknown", 0.0)
                size = _side(box)
                state = told.state if found else NOT_FOUND
                self.judged.append(Judged("smoking", number, _box(box), size, truth, state, told.score))
                if found:
                    self.candidates["smoking picture"].append(
                        Candidate(number, _box(box), told.score, truth == "yes", size, told.state == "yes")
                    )
                if truth == "yes":
                    self.labels["smoking picture"].append(Label(number, _box(box), size, found))

    def _judge_backs(self, number: int, picture: Picture, heads: Sequence[Head], boxes: Boxes) -> None:
        """Heads that show no face: a mask cannot be told."""
        faceless = np.asarray(~faces_in_heads(picture.of(*FACES), boxes).any(axis=0))
        real = np.asarray((ious(boxes, picture.of(*HEADS)) >= 0.5).any(axis=1))
        for index, head in enumerate(heads):
            if faceless[index] and real[index]:
                told = head.mask
                self.judged.append(
                    Judged("mask", number, head.box, _side(head.box), "unknown", told.state, told.score)
                )

    def _judge_hidden_hands(self, number: int, picture: Picture, hands: Sequence[Hand], boxes: Boxes) -> None:
        """People whose hands are out of sight: nothing can be told of gloves, whatever is taken for a hand of theirs."""
        hidden = [_box(box) for box in picture.hands_out_of_sight]
        if picture.source == SIMULATOR:  # which labels every hand that shows
            hidden += [_box(box) for box in picture.of(PERSON) if not _any_inside(picture.of(*HANDS), _box(box))]
        for person in hidden:
            theirs = (hand.glove for hand, inside in zip(hands, _inside(boxes, person), strict=True) if inside)
            told = (glove for glove in theirs if glove.state != "unknown")
            surest = max(told, key=lambda glove: glove.score, default=Attribute("unknown", 0.0))
            self.judged.append(Judged("glove", number, person, _side(person), "unknown", surest.state, surest.score))


def _alike(found: Boxes, labels: Boxes, least: float) -> NDArray[np.float32]:
    """Intersection over union [found, labels]; 0 below ``least``."""
    shared = ious(found, labels)
    return np.where(shared >= least, shared, np.float32(0))


def _around(heads: Boxes, faces: Boxes) -> NDArray[np.float32]:
    """1 and more [heads, faces] where a head may be the face's, the more the better it fits; else 0."""
    return np.where(faces_in_heads(faces, heads).T, 1 + ious(heads, head_from_face(faces)), np.float32(0))


def _inside(boxes: Boxes, region: Box) -> NDArray[np.bool_]:
    """Whose centres lie in the region."""
    return centres_inside(boxes, _boxes([region]))[:, 0]


def _any_inside(boxes: Boxes, region: Box) -> bool:
    return bool(_inside(boxes, region).any())


def _boxes(rows: Sequence[Sequence[float]]) -> Boxes:
    return np.array(rows, np.float32).reshape(-1, 4)


def _box(box: NDArray[np.float32]) -> Box:
    x1, y1, x2, y2 = (float(v) for v in box)
    return x1, y1, x2, y2


def _side(box: Sequence[float] | NDArray[np.float32]) -> float:
    return float(max(box[2] - box[0], box[3] - box[1]))
