"""What bodies do: each action gives the pose at a time."""

from collections.abc import Callable

import numpy as np

from simulator.kitchen import Station
from simulator.people import REFERENCE_HEIGHT_M, Pose

Action = Callable[[float], Pose]


def work(station: Station, height_m: float, action: str, rng: np.random.Generator, aim_yaw: float | None = None) -> Action:
    """``action``: chop, stir, wipe, plate, rest, crossed, carry,
    mouth (hand at the mouth), drink, taste, smoke, crown (hands at the cap), chin (at the mask), join (hands together).

    ``aim_yaw`` is a direction in the room that the head turns to a part of the time (the camera, say); the pose itself
    is deterministic in time once made.
    """
    scale = height_m / REFERENCE_HEIGHT_M
    top = station.top / scale + 0.045
    phase = float(rng.uniform(0, 6.28))
    speed = float(rng.uniform(0.8, 1.2))
    lean = float(rng.uniform(0.05, 0.3)) if action in ("chop", "stir", "wipe", "plate") else float(rng.uniform(-0.03, 0.1))
    pitch = float(rng.uniform(0.05, 0.4)) if lean > 0.1 else float(rng.uniform(-0.1, 0.25))
    turn = float(rng.normal(0, 0.35))
    spread = float(rng.uniform(0.12, 0.24))
    reach = float(rng.uniform(0.32, 0.44))
    curl = float(rng.uniform(0.25, 0.75))
    if aim_yaw is not None:
        # Who looks at the camera's wall looks up a little.
        pitch = float(rng.uniform(-0.15, 0.12))
        turn = float(np.clip((aim_yaw - station.yaw + np.pi) % (2 * np.pi) - np.pi, -1.1, 1.1))

    def pose(t: float) -> Pose:
        a = t * speed * 6.28 + phase
        sway = 0.012 * np.sin(a * 0.13)
        left, right = [-spread, reach, top + 0.045], [spread, reach - 0.02, top + 0.055]
        lp, rp = (0.35, 1.0, -0.35), (-0.35, 1.0, -0.35)
        held: tuple[str, ...] = ()
        to_mouth, lcurl, rcurl = 0.0, curl, curl
        if action == "chop":
            right[2] += 0.035 * abs(np.sin(a * 1.4))
            right[0] += 0.03 * np.sin(a * 0.21)
            left[0] += 0.02 * np.sin(a * 0.21)
            rp, held, rcurl, lcurl = (-0.7, 0.8, -0.1), ("knife",), 0.85, 0.6
        elif action == "stir":
            right = [spread + 0.05 * np.cos(a), reach + 0.05 * np.sin(a), top + 0.2]
            rp, held, rcurl = (-0.5, 0.9, 0.0), ("ladle",), 0.85
        elif action == "wipe":
            right = [spread + 0.12 * np.sin(a * 0.7), reach + 0.06 * np.cos(a * 0.7), top + 0.04]
            rcurl = 0.1
        elif action == "plate":
            right[0] += 0.06 * np.sin(a * 0.5)
            right[2] += 0.03 + 0.03 * np.sin(a * 0.9)
            left[2] += 0.02 * np.cos(a * 0.6)
            rp = (-0.3, 0.8, -0.7)
        elif action == "rest":
            left, right = [-0.27, 0.05, 0.82], [0.27, 0.05, 0.82]
            lp, rp = (0.05, 0.2, -1.0), (-0.05, 0.2, -1.0)
        elif action == "crossed":
            left, right = [0.08, 0.24, 1.16], [-0.08, 0.27, 1.13]
            lp, rp = (1.0, 0.1, 0.1), (-1.0, 0.1, 0.1)
        elif action in ("mouth", "drink", "taste", "smoke"):
            to_mouth = 1.0
            held = {"drink": ("cup",), "taste": ("spoon",) if phase > 3 else ("chopsticks",)}.get(action, ())
            if phase > 4:
                left = [-0.25, 0.1, 0.95]
            if action == "smoke":
                # Down and up again within a second and a half, once in six.
                to_mouth = 1.0 - 0.75 * float(np.clip(np.cos((t - 1) * 2 * np.pi / 6) * 4 - 3, 0, 1))
        elif action == "crown":
            # Both hands at the cap.
            left, right = [-0.13, 0.16, 1.66], [0.13, 0.16, 1.66]
            lp, rp, lcurl, rcurl = (0.5, -0.2, 0.8), (-0.5, -0.2, 0.8), 0.4, 0.4
        elif action == "chin":
            # Both hands at the loops of the mask.
            left, right = [-0.13, 0.2, 1.46], [0.13, 0.2, 1.46]
            lp, rp, lcurl, rcurl = (0.3, -0.35, 0.9), (-0.3, -0.35, 0.9), 0.5, 0.5
        elif action == "join":
            # One hand pulls a glove on or off the other, or takes something out of a pocket.
            left, right = [-0.06, 0.34, 1.12], [0.07 + 0.03 * np.sin(a * 0.5), 0.36, 1.14]
            lp, rp = (0.6, 0.9, 0.0), (-0.6, 0.9, 0.0)
        elif action == "carry":
            left, right = [-0.17, 0.36, 1.08], [0.17, 0.36, 1.08]
            lp, rp, held = (0.3, 0.9, 0.1), (-0.3, 0.9, 0.1), ("bowl",)
        return Pose(station.x + sway, station.y, station.yaw, lean=lean + 0.015 * np.sin(a * 0.2),
                    head_yaw=turn + 0.08 * np.sin(a * 0.11), head_pitch=pitch + 0.04 * np.sin(a * 0.17),
                    head_roll=0.05 * np.sin(a * 0.07), left=(left[0], left[1], left[2]),
                    right=(right[0], right[1], right[2]), left_point=lp, right_point=rp, left_curl=lcurl,
                    right_curl=rcurl, held=held, to_mouth=to_mouth)

    return pose


def walk(start: tuple[float, float], end: tuple[float, float], speed_m_s: float = 0.9) -> Action:
    """Walking from one point to another with swinging arms; stops there."""
    line = np.array(end) - np.array(start)
    length = float(np.linalg.norm(line))
    yaw = float(np.arctan2(-line[0], line[1]))

    def pose(t: float) -> Pose:
        done = min(1.0, t * speed_m_s / max(length, 1e-6))
        at = np.array(start) + line * done
        stride = done * length / 0.7 * np.pi + 0.4
        s = 0.22 * np.sin(stride)
        return Pose(float(at[0]), float(at[1]), yaw, lean=0.04, head_pitch=0.08, left=(-0.27, 0.06 - s, 0.86),
                    right=(0.27, 0.06 + s, 0.86), left_point=(0.05, 0.3, -1.0), right_point=(-0.05, 0.3, -1.0), stride=stride)

    return pose
