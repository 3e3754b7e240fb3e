"""Who is who from look to look. Looks may lie seconds apart, so a track is found again by place and size."""

import math
from dataclasses import dataclass, replace

from detector.boxes import Box, cheapest_pairs, iou
from detector.observation import Observation, Person

# People leave the picture behind a pillar or a colleague and come back; after this they are somebody new.
FORGET_AFTER_S = 10.0
# A brisk walk covers about one body height a second (1.4 m/s); kitchens are small, so most looks find people where they were.
HEIGHTS_PER_S = 1.0
# However long the gap, nobody is looked for farther away than this many heights: the wrong person would be as near.
MOST_HEIGHTS = 1.5
# Nobody walks on in the same direction for longer without being seen.
FORESIGHT_S = 2.0
LEAST_IOU = 0.1
# Of one body: from a head to the person, where the finder gave no box for the person. 7.5 heads tall, 3 wide, of which a
# ceiling camera sees the upper half above the worktop.
BODY_IN_HEADS = (3.0, 4.0)


@dataclass(slots=True)
class _Track:
    number: int
    box: Box
    seen_s: float
    # Pixels a second, between the last two looks.
    velocity: tuple[float, float] = (0.0, 0.0)

    def follow(self, box: Box, time_s: float) -> None:
        gap_s = time_s - self.seen_s
        if gap_s > 0:
            self.velocity = (
                (box[0] + box[2] - self.box[0] - self.box[2]) / 2 / gap_s,
                (box[1] + box[3] - self.box[1] - self.box[3]) / 2 / gap_s,
            )
        self.box, self.seen_s = box, time_s

    def scale(self, across: float, down: float) -> None:
        x1, y1, x2, y2 = self.box
        self.box = x1 * across, y1 * down, x2 * across, y2 * down
        self.velocity = self.velocity[0] * across, self.velocity[1] * down


class Tracker:
    """Gives people track numbers from `first` on. One tracker per camera; time comes in with the observation."""

    def __init__(self, first: int = 1) -> None:
        self._tracks: list[_Track] = []
        self._next = first
        # Of the picture that the tracks' boxes lie in.
        self._size = (1, 1)

    def update(self, observation: Observation, time_s: float) -> Observation:
        """The same observation with `track` set on everybody who has a body or a head; `time_s` is the camera's own time.

        A clock that jumps back forgets all tracks: looks from before and after do not belong together. A stream that comes in
        another size (a camera was set to its main stream) shows the same people.
        """
        size = (observation.width, observation.height)
        if size != self._size:
            for track in self._tracks:
                track.scale(size[0] / self._size[0], size[1] / self._size[1])
            self._size = size
        if any(track.seen_s > time_s for track in self._tracks):
            self._tracks.clear()
        self._tracks = [track for track in self._tracks if time_s - track.seen_s <= FORGET_AFTER_S]
        boxes = [body(person) for person in observation.people]
        tracked = [i for i, box in enumerate(boxes) if box is not None]
        numbers = self._match([box for box in boxes if box is not None], time_s)
        people = list(observation.people)
        for i, number in zip(tracked, numbers, strict=True):
            people[i] = replace(people[i], track=number)
        return observation.with_people(tuple(people))

    def still(self, time_s: float) -> None:
        """Nothing has moved since the last look: everybody who was seen there is there still."""
        latest = max((track.seen_s for track in self._tracks), default=time_s)
        for track in self._tracks:
            if track.seen_s == latest <= time_s:
                track.follow(track.box, time_s)

    def _match(self, boxes: list[Box], time_s: float) -> list[int]:
        costs = (
            (cost, i, j)
            for i, box in enumerate(boxes)
            for j, track in enumerate(self._tracks)
            if (cost := _cost(box, track, time_s)) is not None
        )
        pairs = cheapest_pairs(costs)
        for i, j in pairs.items():
            self._tracks[j].follow(boxes[i], time_s)
        return [self._tracks[pairs[i]].number if i in pairs else self._begin(box, time_s) for i, box in enumerate(boxes)]

    def _begin(self, box: Box, time_s: float) -> int:
        track = _Track(self._next, box, time_s)
        self._next += 1
        self._tracks.append(track)
        return track.number


def body(person: Person) -> Box | None:
    """Where somebody is: the person's box, else a body below the head; None for a lone hand."""
    if person.box is not None or person.head is None:
        return person.box
    x1, y1, x2, _ = person.head.box
    middle, side = (x1 + x2) / 2, x2 - x1
    width, height = BODY_IN_HEADS
    return middle - width * side / 2, y1, middle + width * side / 2, y1 + height * side


def _cost(box: Box, track: _Track, time_s: float) -> float | None:
    """Overlap, and body heights from where the way led; None where it cannot be the same one."""
    gap_s = time_s - track.seen_s
    overlap = iou(box, track.box)
    # The longer side stands for the height: it changes less when the body is half hidden behind a worktop.
    sizes = [max(x2 - x1, y2 - y1) for x1, y1, x2, y2 in (box, track.box)]
    size = max(min(sizes), 1e-6)
    x, y = (box[0] + box[2] - track.box[0] - track.box[2]) / 2, (box[1] + box[3] - track.box[1] - track.box[3]) / 2
    is_near = math.hypot(x, y) / size <= min(MOST_HEIGHTS, HEIGHTS_PER_S * max(gap_s, 0.5))
    if overlap < LEAST_IOU and not (is_near and max(sizes) / size <= 2.0):
        return None
    # Of people who pass each other, each is where the own way leads to.
    ahead_s = min(gap_s, FORESIGHT_S)
    return (1 - overlap) + math.hypot(x - track.velocity[0] * ahead_s, y - track.velocity[1] * ahead_s) / size
