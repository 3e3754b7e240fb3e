"""The motion gate: whether a picture differs enough from the last one that was looked at for the detector to look again."""

from collections.abc import Iterable

import cv2
import numpy as np
import numpy.typing as npt

from detector.boxes import Box

Luma = npt.NDArray[np.uint8]
# Cells, 12 pixels wide in a 1080p picture. Reduced without averaging, which costs a fifteenth; the blur takes the grain away.
SIZE = (160, 90)
# Levels of 255. Grain of a dim camera stays below 2 after the blur, a key frame coded anew below 5; a white cap on a white
# wall still differs by more.
LEAST_LEVELS = 10
# A head of 40 pixels in a 1080p picture covers nine cells.
LEAST_CELLS = 3
# Cells whose movement so many looks in a row have shown to be nobody's (a clock in the picture, steam, a fan) no longer open
# the gate.
NOBODYS_LOOKS = 3
# How far beyond a person's box movement is still that person's, in shares of its sides: arms, shadows.
REACH = 0.25


class MotionGate:
    """One for each camera. Ask `moved` for each picture; tell `looked` what the detector saw in it if it looked."""

    def __init__(self) -> None:
        self._reference: Luma | None = None
        self._current: Luma | None = None
        self._changed: npt.NDArray[np.bool_] | None = None
        self._nobodys = np.zeros(SIZE[::-1], np.int16)

    def moved(self, luma: Luma) -> bool:
        """Whether `luma` uint8 [H, W] differs from the picture that was last looked at; True where there was none."""
        small = np.asarray(cv2.blur(cv2.resize(luma, SIZE, interpolation=cv2.INTER_LINEAR), (3, 3)), np.uint8)
        self._current = small
        if self._reference is None:
            self._changed = None
            return True
        self._changed = np.asarray(cv2.absdiff(small, self._reference) > LEAST_LEVELS)
        return int(np.count_nonzero(self._changed & (self._nobodys < NOBODYS_LOOKS))) >= LEAST_CELLS

    def looked(self, people: Iterable[Box], width: int, height: int) -> None:
        """The detector has looked at the picture asked about last; `people`: boxes in its pixels, of `width` x `height`."""
        self._reference = self._current
        if self._changed is None:
            return
        somebodys = np.zeros(SIZE[::-1], np.bool_)
        for x1, y1, x2, y2 in people:
            across, down = REACH * (x2 - x1), REACH * (y2 - y1)
            left, right = (round(x / width * SIZE[0]) for x in (max(0.0, x1 - across), x2 + across))
            top, bottom = (round(y / height * SIZE[1]) for y in (max(0.0, y1 - down), y2 + down))
            somebodys[top : bottom + 1, left : right + 1] = True
        nobodys = self._changed & ~somebodys
        self._nobodys[nobodys] = np.minimum(self._nobodys[nobodys] + 1, NOBODYS_LOOKS)
        # Where somebody is, or nothing moves any more, movement counts again.
        self._nobodys[~nobodys] = np.maximum(self._nobodys[~nobodys] - 1, 0)
        self._nobodys[somebodys] = 0
