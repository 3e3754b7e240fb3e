"""A person: build, clothes and pose in; patches in world coordinates out."""

from dataclasses import replace

import cv2
import numpy as np

from simulator.garments import Cap, Mask, cap_patches, mask_patches
from simulator.geometry import Material, Mesh, Part, Patch, join, limb, rotation, spline, tube, unit
from simulator.hands import cigarette, hand, hand_frame, held_things
from simulator.head import hair_patches, head_patches
from simulator.people import REFERENCE_HEIGHT_M, Clothes, Person, Pose, Wear
from simulator.textures import Array, linear, noise

UPPER_ARM_M, FOREARM_M = 0.29, 0.255
MOUTH = np.array([0, 0.092, -0.07], np.float32)


class Look:
    """The parts of a person that depend only on who it is and what is worn, kept between frames."""

    def __init__(self, person: Person) -> None:
        self.person = person
        rng = np.random.default_rng(person.seed)
        skin = linear(person.skin)
        self.skin = Material(skin, bump=noise(6, "soft_vector"), bump_strength=0.06, specular=0.06, gloss=9, wrap=0.35)
        self.head = head_patches(person.face, skin, person.hair, rng)
        self.jacket = _cloth(person.clothes, person.clothes.colour, rng)
        self.sleeve = replace(self.jacket, texture=None, bump_strength=0.15, repeat=(0.5, 1.0))
        self.trousers = Material(linear(person.clothes.trousers), bump=noise(32, "cloth_vector"), bump_strength=0.12,
                                 wrap=0.2)
        self.apron = Material(linear(person.clothes.apron_colour), bump=noise(33, "cloth_vector"), bump_strength=0.1,
                              wrap=0.2)
        self.gloves: dict[str, Material] = {}
        self._worn: dict[tuple[Cap | None, Mask | None, str], list[Patch]] = {}

    def glove(self, colour: str) -> Material:
        if colour not in self.gloves:
            if colour == "clear":
                # Thin polyethylene: the hand seen through it, paler, with shining creases.
                albedo = 0.55 * self.skin.colour + 0.4 * np.array([0.85, 0.85, 0.82], np.float32)
                made = Material(albedo, bump=noise(41, "cloth_vector"), bump_strength=0.3, specular=0.35, gloss=14,
                                wrap=0.3, repeat=(0.5, 0.5))
            else:
                made = Material(linear(colour), bump=noise(42, "cloth_vector"), bump_strength=0.18, specular=0.15,
                                gloss=14, wrap=0.25)
            self.gloves[colour] = made
        return self.gloves[colour]

    def worn(self, wear: Wear) -> list[Patch]:
        key = (wear.cap, wear.mask, wear.mask_state)
        if key not in self._worn:
            rng = np.random.default_rng(self.person.seed + 1)
            face, hair = self.person.face, self.person.hair
            patches = hair_patches(face, hair, rng, under_cap=wear.cap is not None)
            if wear.cap is not None:
                patches += cap_patches(wear.cap, face, hair, rng)
            if wear.mask is not None:
                patches += mask_patches(wear.mask, face, wear.mask_state, rng)
            self._worn[key] = patches
        return self._worn[key]


def _cloth(clothes: Clothes, colour: str, rng: np.random.Generator) -> Material:
    """Cloth of a shirt; u goes round from the back, v from hip to neck."""
    size = 256
    texture = np.ones((size, size, 3), np.float32)
    if clothes.pattern == "stripes":
        texture[:, ::8] = texture[:, 1::8] = 0.7
    if clothes.pattern == "check":
        texture[::16] *= 0.75
        texture[:, ::16] *= 0.75
    if clothes.style == "jacket":
        # A double-breasted front: the overlap's edge and two rows of buttons.
        dark = 0.25 if linear(colour).mean() > 0.3 else 2.5
        texture[40:, 112:114] = 0.55
        for column in (119, 139):
            for row in range(70, 230, 34):
                cv2.circle(texture, (column, row), 2, (dark,) * 3, -1)
    if clothes.style == "polo":
        texture[150:, 127:129] = 0.5
    texture[:6] *= 0.75
    return Material(linear(colour), texture=texture, bump=noise(31, "cloth_vector"), bump_strength=0.11, wrap=0.3,
                    specular=0.03, gloss=8)


def build(look: Look, wear: Wear, pose: Pose) -> Mesh:
    """All surfaces of the person in world coordinates."""
    person = look.person
    scale = person.height_m / REFERENCE_HEIGHT_M
    body = _Body(person, pose)
    patches = body.torso(look) + body.legs(look) + body.neck(look)
    head_turn, head_at = body.head()
    head_scale = person.head_scale
    for patch in look.head + look.worn(wear):
        patches.append(replace(patch, points=(patch.points * head_scale) @ head_turn.T + head_at))
    mouth = head_at + head_turn @ (MOUTH * head_scale)
    for side in (-1, 1):
        patches += body.arm(look, wear, side, mouth, head_turn)
    if wear.smoking == "mouth":
        out = head_turn @ unit(np.array([0.25, 1, -0.25], np.float32))
        patches += cigarette(mouth + head_turn @ np.array([0.008, 0.006, 0], np.float32), out)
    turn = rotation(pose.yaw) * scale
    at = np.array([pose.x, pose.y, 0], np.float32)
    return join([replace(p, points=(p.points @ turn.T + at).astype(np.float32)) for p in patches])


class _Body:
    """One body in its own frame: feet at the origin, x right, y forward."""

    def __init__(self, person: Person, pose: Pose) -> None:
        self.person, self.pose = person, pose
        self.lean = pose.lean

    def bent(self, points: Array) -> Array:
        """Points of the upright body bent forward above the hip (a hinge spread over the waist)."""
        p = np.array(points, np.float32)
        share = np.clip((p[..., 2] - 0.9) / 0.35, 0, 1)
        angle = self.lean * share
        y, z = p[..., 1], p[..., 2] - 0.95
        result = p.copy()
        result[..., 1] = y * np.cos(angle) + z * np.sin(angle)
        result[..., 2] = 0.95 + z * np.cos(angle) - y * np.sin(angle)
        return result

    def torso(self, look: Look) -> list[Patch]:
        w = self.person.width
        hem = 0.78 if look.person.clothes.style == "jacket" else 0.84
        rings = spline(np.array([
            # height, half width, half depth, forward
            [hem, 0.192 * w, 0.142 * w, 0.0], [0.92, 0.182 * w, 0.136 * w, 0.0], [1.07, 0.158 * w, 0.122 * w, 0.008],
            [1.22, 0.172 * w, 0.125, 0.012], [1.34, 0.19 * (0.5 + 0.5 * w), 0.115, 0.004],
            [1.41, 0.178 * (0.5 + 0.5 * w), 0.095, -0.006], [1.45, 0.14, 0.078, -0.012], [1.48, 0.088, 0.066, -0.01],
            [1.515, 0.064, 0.064, -0.002]], np.float32), 26)
        centres = np.stack([0 * rings[:, 0], rings[:, 3], rings[:, 0]], axis=1)
        points = tube(centres, rings[:, 1], rings[:, 2], np.array([1, 0, 0], np.float32), 28, square=2.35)
        patches = [Patch(self.bent(points), Part.BODY, look.jacket)]
        return patches + self._apron(look, rings)

    def _apron(self, look: Look, rings: Array) -> list[Patch]:
        kind = look.person.clothes.apron
        if kind == "none":
            return []
        top = 1.30 if kind == "bib" else 1.02
        z = np.linspace(0.48, top, 18, dtype=np.float32)[:, None]
        half_width = np.interp(z[:, 0], rings[:, 0], rings[:, 1])[:, None]
        half_depth = np.interp(z[:, 0], rings[:, 0], rings[:, 2])[:, None]
        forward = np.interp(z[:, 0], rings[:, 0], rings[:, 3])[:, None]
        reach = np.interp(z, [0.48, 1.0, 1.06, 1.30], [1.25, 1.25, 0.95, 0.55])
        u = np.linspace(-1, 1, 16, dtype=np.float32)[None] * reach
        flare = np.interp(z, [0.48, 0.9, 1.3], [0.05, 0.016, 0.012])
        points = np.stack([np.sin(u) * (half_width + flare), np.cos(u) * (half_depth + flare) + forward, z + 0 * u], axis=-1)
        patches = [Patch(self.bent(points.astype(np.float32)), Part.BODY, look.apron, closed=False, two_sided=True,
                         bias_m=0.03)]
        if kind == "bib":
            for side in (-1, 1):
                joints = np.array([[side * 0.085, 0.125, 1.29], [side * 0.08, 0.10, 1.40], [side * 0.062, 0.0, 1.495]],
                                  np.float32)
                patches.append(Patch(self.bent(limb(joints, (0.012,) * 3, np.array([1, 0, 0], np.float32), 7, 6, 0.5)),
                                     Part.BODY, look.apron, bias_m=0.03))
        return patches

    def neck(self, look: Look) -> list[Patch]:
        _, head_at = self.head()
        base = self.bent(np.array([0, -0.006, 1.46], np.float32))
        nape, chin = np.array([0, -0.012, -0.02]), np.array([0, -0.022, -0.05])
        joints = np.stack([base, (base + head_at) / 2 + nape, head_at + chin])
        patches = [Patch(limb(joints.astype(np.float32), (0.062, 0.056, 0.056), np.array([1, 0, 0], np.float32), 8, 14,
                              rounded=(False, False)), Part.SKIN, look.skin)]
        if look.person.clothes.style != "tshirt":
            collar = np.stack([self.bent(np.array([0, -0.004 + 0.012 * t, 1.485 + 0.045 * t], np.float32))
                               for t in (0, 0.5, 1)])
            patches.append(Patch(tube(collar, np.array([0.076, 0.071, 0.068], np.float32),
                                      np.array([0.076, 0.07, 0.068], np.float32), np.array([1, 0, 0], np.float32), 20),
                                 Part.BODY, look.jacket, two_sided=True, bias_m=0.005))
        return patches

    def head(self) -> tuple[Array, Array]:
        top = self.bent(np.array([0, 0.0, 1.53], np.float32))
        turn = rotation(self.pose.head_yaw, self.pose.head_pitch + 0.5 * self.lean, self.pose.head_roll)
        return turn, (top + turn @ np.array([0, 0.022, 0.085], np.float32)).astype(np.float32)

    def legs(self, look: Look) -> list[Patch]:
        patches = []
        shoe = Material(linear("181818"), specular=0.2, gloss=20)
        for side in (-1, 1):
            swing = np.sin(self.pose.stride + (0 if side < 0 else np.pi)) if self.pose.stride else 0.0
            lift = max(0.0, np.cos(self.pose.stride + (0 if side < 0 else np.pi))) * 0.07 if self.pose.stride else 0.0
            hip = np.array([side * 0.088, 0, 0.88])
            ankle = np.array([side * 0.10, 0.26 * swing - 0.02, 0.09 + lift])
            knee = (hip + ankle) / 2 + np.array([0, 0.03 + 0.5 * lift, 0.02])
            w = self.person.width
            patches.append(Patch(limb(np.stack([hip, knee, ankle]).astype(np.float32), (0.088 * w, 0.068 * w, 0.056),
                                      np.array([1, 0, 0], np.float32), 12, 12, rounded=(False, False)), Part.BODY,
                                 look.trousers))
            foot = ankle + np.array([[0, -0.04, -0.05], [0, 0.05, -0.045], [0, 0.16, -0.06]])
            patches.append(Patch(limb(foot.astype(np.float32), (0.042, 0.046, 0.036), np.array([1, 0, 0], np.float32), 6,
                                      8, 0.85), Part.BODY, shoe))
        return patches

    def arm(self, look: Look, wear: Wear, side: int, mouth: Array, head_turn: Array) -> list[Patch]:
        pose = self.pose
        target = np.array(pose.left if side < 0 else pose.right, np.float32)
        point = unit(np.array(pose.left_point if side < 0 else pose.right_point, np.float32))
        curl = pose.left_curl if side < 0 else pose.right_curl
        palm = np.array([0, 0, -1.0], np.float32)
        cigarette_in_hand = wear.smoking == "hand" and side > 0
        if side > 0 and pose.to_mouth > 0:
            # With a cigarette the fingertips stay beside the lips, so that it can be seen between them.
            offset = [0.05, 0.03, -0.022] if cigarette_in_hand else [0.012, 0.042 if "cup" in pose.held else 0.012, -0.012]
            finger = mouth + head_turn @ np.array(offset, np.float32)
            up = unit(head_turn @ np.array([-0.32, -0.25, 0.9], np.float32))
            goal = finger - up * 0.155
            t = pose.to_mouth
            target = (1 - t) * target + t * goal + np.array([0.06, 0.05, 0]) * np.sin(np.pi * t)
            point = unit((1 - t) * point + t * up)
            palm = unit((1 - t) * palm + t * (head_turn @ np.array([-0.5, -0.85, 0], np.float32)))
            curl = (1 - t) * curl + t * 0.35
        shoulder = self.bent(np.array([side * 0.178 * (0.5 + 0.5 * self.person.width), -0.008, 1.405], np.float32))
        elbow, wrist = _reach(shoulder, target.astype(np.float32), side)
        patches = self._sleeve(look, shoulder, elbow, wrist, side)
        part = Part.HAND_LEFT if side < 0 else Part.HAND_RIGHT
        glove = wear.gloves[0 if side < 0 else 1]
        material = look.skin if glove is None else look.glove(glove)
        frame = hand_frame(point, palm)
        patches += hand(wrist, frame, side, curl, part, material, 1.0 if glove is None else 1.13)
        if glove is not None:
            back = unit(elbow - wrist)
            joints = np.stack([wrist + back * 0.055, wrist + back * 0.01, wrist - back * 0.01]).astype(np.float32)
            cuff = limb(joints, (0.047, 0.04, 0.034), frame[0], 5, 12, rounded=(False, False))
            patches.append(Patch(cuff, part, material, two_sided=True, bias_m=0.03))
        if cigarette_in_hand:
            grip = wrist + frame[1] * 0.135 + frame[0] * (side * -0.012) + frame[2] * 0.012
            if pose.to_mouth > 0.6:
                start = mouth + head_turn @ np.array([0.006, 0.004, 0], np.float32)
                direction = unit(head_turn @ np.array([0.62, 0.75, -0.12], np.float32))
            else:
                direction = unit(frame[2] * -0.9 + frame[0] * (-side * 0.35) + frame[1] * 0.3)
                start = grip - direction * 0.03
            patches += cigarette(start.astype(np.float32), direction)
        return patches + held_things(pose.held, side, wrist, frame)

    def _sleeve(self, look: Look, shoulder: Array, elbow: Array, wrist: Array, side: int) -> list[Patch]:
        across = np.array([0, 0.3, 1], np.float32)
        w = 0.6 + 0.4 * self.person.width
        inner = shoulder + np.array([-side * 0.05, 0, 0.012], np.float32)
        sleeve = look.person.clothes.sleeve
        cover = {"long": 1.0, "rolled": 0.45, "short": 0.0}[sleeve]
        end = elbow + (wrist - elbow) * (cover * 0.93) if cover > 0 else shoulder + (elbow - shoulder) * 0.7
        # Skin begins a little inside the sleeve: an arm all through it would show where the elbow bends.
        skin_joints = [elbow + (wrist - elbow) * cover * 0.75, wrist] if cover > 0 else [
            shoulder + (elbow - shoulder) * 0.4, elbow, wrist]
        skin_radii = [0.038 * w - 0.01 * cover, 0.027] if cover > 0 else [0.044 * w, 0.038 * w, 0.027]
        skin = limb(np.stack(skin_joints), skin_radii, across, 12, 12, rounded=(False, False))
        joints = [inner, shoulder, (shoulder + elbow) / 2, elbow, end] if cover > 0 else [
            inner, shoulder, (shoulder + end) / 2, end]
        radii = [0.053 * w, 0.058 * w, 0.055 * w, 0.048 * w, 0.041] if cover > 0 else [0.055 * w, 0.061 * w, 0.062 * w, 0.064 * w]
        cloth = limb(np.stack(joints).astype(np.float32), radii, across, 20, 14, rounded=(True, False))
        return [Patch(skin, Part.SKIN, look.skin),
                Patch(cloth, Part.BODY, look.sleeve, two_sided=True, bias_m=0.006)]


def _reach(shoulder: Array, target: Array, side: int) -> tuple[Array, Array]:
    """Elbow and wrist of an arm that reaches for the target (or as far as it can)."""
    line = target - shoulder
    distance = float(np.linalg.norm(line))
    longest = (UPPER_ARM_M + FOREARM_M) * 0.985
    if distance > longest:
        line *= longest / distance
        distance = longest
    distance = max(distance, 0.14)
    direction = unit(line)
    along = (UPPER_ARM_M**2 - FOREARM_M**2 + distance**2) / (2 * distance)
    height = np.sqrt(max(UPPER_ARM_M**2 - along**2, 0.0))
    pole = np.array([side * 0.55, -0.45, -1.0], np.float32)
    outward = unit(pole - direction * float(pole @ direction))
    return (shoulder + direction * along + outward * height).astype(np.float32), (shoulder + line).astype(np.float32)
