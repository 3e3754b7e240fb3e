"""Both stages together: pictures in, observations out."""

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Self

from contract.evidence import ModelVersion
from detector.attributes import NAMES, NOT_READ, AttributeReader, Reading
from detector.boxes import Box, centre_inside, square_around
from detector.card import Precision, default_weights, load_model
from detector.crops import head_region, is_cut_off
from detector.finder import Finder, Image
from detector.observation import (
    OF_HANDS,
    OF_HEADS,
    Attribute,
    AttributeName,
    Hand,
    Head,
    Observation,
    Person,
    SeenObject,
)
from detector.people import assign_hands, assign_heads
from detector.providers import PROCESSOR, Provider
from detector.session import OnRun

# From which probability on a hand holds a cigarette: tools are like one, and a hand may hold them for as long as a rule lasts. Of
# 646 hands without one in test and validation pictures, 45 hold one from 0.85 on and 37 from 0.88 on; of 63 with one 57 and 56.
HELD = 0.88


class Detector:
    """Looks at pictures. One object per worker process; not for use by two threads at once."""

    def __init__(self, finder: Finder, reader: AttributeReader, models: Sequence[ModelVersion]) -> None:
        self.finder = finder
        self.reader = reader
        self.models = list(models)

    @classmethod
    def load(
        cls, weights: Path | None = None, threads: int = 1, on_run: OnRun | None = None, precision: Precision | None = None,
        provider: Provider = PROCESSOR,
    ) -> Self:
        """Load both stages from a folder of weights, by default the shipped one. Raises detector.card.ModelError, and
        detector.providers.ProviderError where the provider is missing or does not start.

        `on_run` is told the model's name and the input's shape whenever a net runs. `precision` asks for one variant of both
        stages; without it the provider, then each stage's card says which is used.
        """
        folder, precision = weights or default_weights(), precision or provider.precision
        finder, finder_weights = load_model(folder, "finder", precision)
        attributes, attributes_weights = load_model(folder, "attributes", precision)
        return cls(
            Finder(finder, finder_weights, threads, on_run, provider),
            AttributeReader(attributes, attributes_weights, threads, on_run, provider),
            [finder.version, attributes.version],
        )

    def look(self, images: Sequence[Image], asked: Sequence[Collection[AttributeName]] | None = None) -> list[Observation]:
        """One observation for each BGR uint8 picture [H, W, 3]. All crops of all pictures are read in one call.

        `asked`: for each picture, what is to be read of its people; all by default. Of heads, or hands, that nothing is asked
        about, all is told as unknown.
        """
        asked = asked if asked is not None else [NAMES] * len(images)
        found = [self._by_class(one) for one in self.finder.find(images)]
        crops: list[Image] = []
        for image, one, names in zip(images, found, asked, strict=True):
            if OF_HEADS.intersection(names):
                crops += self.reader.cut(image, [head_region(head.box) for head in one["head"]], self.reader.crop.head_scale)
            if OF_HANDS.intersection(names):
                crops += self.reader.cut(image, [hand.box for hand in one["hand"]], self.reader.crop.hand_scale)
        readings = iter(self.reader.read(crops))
        observations = []
        for image, one, names in zip(images, found, asked, strict=True):
            heads = [next(readings) if OF_HEADS.intersection(names) else NOT_READ for _ in one["head"]]
            hands = [next(readings) if OF_HANDS.intersection(names) else NOT_READ for _ in one["hand"]]
            observations.append(self._observe(image, one, heads, hands))
        return observations

    def _by_class(self, found: Sequence[SeenObject]) -> dict[str, list[SeenObject]]:
        return {name: [thing for thing in found if thing.name == name] for name in self.finder.classes}

    def _observe(
        self, image: Image, found: dict[str, list[SeenObject]], of_heads: list[Reading], of_hands: list[Reading]
    ) -> Observation:
        people, cigarettes = found["person"], found["cigarette"]
        heads = [
            Head(
                seen.box, seen.score, _cap(reading, seen.box, image.shape[1]), reading.mask,
                self._smoking(_at_mouth(reading), seen.box, self.reader.crop.head_scale, cigarettes),
            )
            for seen, reading in zip(found["head"], of_heads, strict=True)
        ]
        hands = [
            Hand(
                seen.box, seen.score, reading.glove,
                self._smoking(_in_hand(reading), seen.box, self.reader.crop.hand_scale, cigarettes),
            )
            for seen, reading in zip(found["hand"], of_hands, strict=True)
        ]
        bodies = [person.box for person in people]
        head_owner = assign_heads(bodies, [head.box for head in heads])
        hand_owner = assign_hands(bodies, [hand.box for hand in hands])
        head_of = {number: heads[i] for i, number in head_owner.items()}
        seen = [
            Person(
                person.box,
                person.score,
                head_of.get(number),
                tuple(hand for i, hand in enumerate(hands) if hand_owner.get(i) == number),
            )
            for number, person in enumerate(people)
        ]
        seen += [Person(None, None, head) for i, head in enumerate(heads) if i not in head_owner]
        seen += [Person(None, None, None, (hand,)) for i, hand in enumerate(hands) if i not in hand_owner]
        things = [name for name in self.finder.classes if name not in ("person", "head", "hand")]
        objects = tuple(thing for name in things for thing in found[name])
        return Observation(image.shape[1], image.shape[0], tuple(seen), objects)

    def _smoking(self, read: Attribute, box: Box, scale: float, cigarettes: Sequence[SeenObject]) -> Attribute:
        """A cigarette that stage 1 found in the square of a crop around all of the box is as good a sign as what stage 2 reads:
        the surer of the two counts. Of a tall head the square is larger than its crop, which shows the lower part alone.
        """
        square = square_around(box, scale)
        best = max((cigarette.score for cigarette in cigarettes if centre_inside(cigarette.box, square)), default=0.0)
        if best >= self.reader.sure("smoking"):
            return Attribute("yes", max(best, read.score))
        return Attribute(read.state, max(best, read.score))


def _cap(reading: Reading, head: Box, picture_width: int) -> Attribute:
    """Of a head that the upper edge of the picture cuts off nobody can tell that it is bare: its cap may lie beyond."""
    hidden = reading.cap.state == "missing" and is_cut_off(head, picture_width)
    return Attribute("unknown", reading.cap.score) if hidden else reading.cap


def _at_mouth(reading: Reading) -> Attribute:
    """Where no face can be read (the mask cannot be told: mostly the back of a head), stage 2 cannot know about the mouth."""
    hidden = reading.smoking.state == "yes" and reading.mask.state == "unknown"
    return Attribute("unknown", reading.smoking.score) if hidden else reading.smoking


def _in_hand(reading: Reading) -> Attribute:
    unsure = reading.smoking.state == "yes" and reading.smoking.score < HELD
    return Attribute("unknown", reading.smoking.score) if unsure else reading.smoking
