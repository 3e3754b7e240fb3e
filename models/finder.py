"""Stage 1, the finder: fine-tune YOLO26n to people, heads, hands and cigarettes. Runs in the training environment."""

import copy
import math
import os
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
from torch import nn

from models.augment import CELL, Canvas, Image, paint
from models.checkpoint import Checkpoint
from models.data import DataError, Picture
from models.exported import read_finder
from models.pseudo import Targets
from models.publish import CLASSES
from models.training import Batch, follow, half_precision, painted, painters
from models.trunk import coco

# ``models.trunk`` prepares its import.
from ultralytics.utils.loss import v8DetectionLoss  # isort: skip

PEAK_RATE = 1e-3


@dataclass(frozen=True)
class Schedule:
    """What a step costs, chosen for the machine."""

    batch: int
    canvases: tuple[tuple[int, int, float], ...]
    """width, height in pixels, and the share of the batches"""
    frozen: int
    """first layers that stay as they are; -1: all but the head"""


# The camera's shape with three fifths of the pixels of the detector's 640 x 384, a square for pictures of that shape, and
# the detector's own size. Frozen layers make a step take 0.7 of its time.
ON_CPU = Schedule(8, ((512, 320, 0.5), (416, 416, 0.3), (640, 384, 0.2)), frozen=3)
# The learning rate is the same: AdamW's steps do not grow with the gradient of a larger batch.
ON_GPU = Schedule(64, ((640, 384, 0.5), (640, 640, 0.25), (512, 320, 0.25)), frozen=0)
# On from a finder: without gradients for the trunk a step is cheap enough for the detector's own sizes.
ONWARD = Schedule(8, ((640, 384, 0.5), (640, 640, 0.2), (512, 320, 0.3)), frozen=-1)


@dataclass(frozen=True)
class Example:
    """One picture of the finder's training set."""

    picture: Picture
    targets: Targets
    weight: float
    """how often it is drawn, relative to the others"""
    scene: bool
    """a whole camera view rather than a close-up"""


def build(start: Path | None, seed: int = 0) -> nn.Module:
    """YOLO26n with our classes; weights from a COCO checkpoint, or random without one.

    Of its two heads only the one-to-many one stays: of few pictures it learns more (AP of cigarettes on the validation part 0.85
    instead of 0.77), because ten cells answer for each box instead of one. It needs doubles removed, see ``models.export``.
    """
    torch.manual_seed(seed)
    model = coco(start)
    detect = model.model[-1]
    for level, branch in enumerate(detect.cv3):
        old = branch[-1]
        new = nn.Conv2d(old.in_channels, len(CLASSES), 1)
        with torch.no_grad():
            nn.init.normal_(new.weight, std=0.01)
            # one object of a class in a picture, the prior that ultralytics starts from too
            new.bias.fill_(math.log(5 / len(CLASSES) / (640 / float(detect.stride[level])) ** 2))
            if start is not None:  # COCO's person is our person
                new.weight[0], new.bias[0] = old.weight[0], old.bias[0]
        branch[-1] = new
    detect.nc, detect.no = len(CLASSES), len(CLASSES) + 4 * detect.reg_max
    detect.one2one_cv2 = detect.one2one_cv3 = None
    detect.xyxy = True
    model.names = dict(enumerate(CLASSES))
    model.args = SimpleNamespace(box=7.5, cls=0.5, dfl=1.5)  # the gains: ultralytics' own defaults
    return model


class TaughtOnly(nn.Module):  # type: ignore[misc]
    """Binary cross entropy that is silent where a picture says nothing about a class."""

    def __init__(self) -> None:
        super().__init__()
        self.untaught = torch.zeros(0)

    def forward(self, logits: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        """[b, anchors, classes] losses; ``untaught`` [b, anchors, classes] mutes cells that hold no label."""
        loss = nn.functional.binary_cross_entropy_with_logits(logits, target, reduction="none")
        return loss * ~(self.untaught & (target == 0))


def train(
    examples: Sequence[Example],
    start: Path,
    state: Path,
    budget_s: float,
    seed: int = 0,
    say: Callable[[str], None] = print,
) -> nn.Module:
    """Fine-tune for ``budget_s`` seconds in all, resuming from ``state`` when it is there.

    ``start``: COCO's checkpoint, or the .onnx of a finder to go on from: then only the head learns, so that what the trunk has
    seen in hours on a GPU is not shaken out. Returns the moving average of the weights. The learning rate follows the share of
    time that is spent, so a slower machine sees fewer pictures but ends the same way.
    """
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    onward = start.suffix == ".onnx"
    schedule = ONWARD if onward else ON_GPU if device.type == "cuda" else ON_CPU
    model = build(None if onward else start, seed)
    if onward:
        read_finder(model, start)
    model = model.to(device, memory_format=torch.channels_last)
    average = copy.deepcopy(model).eval()
    criterion = v8DetectionLoss(model)
    criterion.bce = taught = TaughtOnly()
    optimizer = _optimizer(model)
    checkpoint = Checkpoint(state, model, average, optimizer)
    spent, step = checkpoint.load(device)
    if step:
        say(f"finder: resuming at step {step}, {spent / 60:.1f} min spent")

    model.train()
    for layer in list(model.model)[: schedule.frozen]:
        layer.eval().requires_grad_(False)
    smooth, first, saved_at = 0.0, step, spent
    batches = painted(_canvases(examples, schedule, seed, say), step, painters(device))
    while spent < budget_s:
        began = time.monotonic()
        progress = spent / budget_s
        rate = PEAK_RATE * min(1, (step + 1) / 60) * (0.02 + 0.98 * (1 + math.cos(math.pi * progress)) / 2)
        for group in optimizer.param_groups:
            group["lr"] = rate * group["share"]
        batch = next(batches)
        taught.untaught = batch.pop("untaught").to(device)
        batch = {name: value.to(device) for name, value in batch.items()}
        batch["img"] = (batch["img"].float() / 255).contiguous(memory_format=torch.channels_last)
        with half_precision(device):
            found = model(batch["img"])
        loss, _ = criterion(_as_float(found), batch)
        optimizer.zero_grad()
        (loss.sum() / schedule.batch).backward()
        nn.utils.clip_grad_norm_(model.parameters(), 10.0)
        optimizer.step()
        step += 1
        follow(average, model, min(0.998, step / (step + 20)))
        spent += time.monotonic() - began
        smooth = 0.98 * smooth + 0.02 * float(loss.detach().sum()) / schedule.batch
        if step % 50 == 0:
            mean = smooth / (1 - 0.98 ** (step - first))
            say(f"finder: {spent / 60:5.1f}/{budget_s / 60:.0f} min, step {step}, loss {mean:.3f}, rate {rate:.1e}")
        if spent - saved_at > 120:
            checkpoint.save(spent, step)
            saved_at = spent
    checkpoint.save(spent, step)
    say(f"finder: {step} steps in {spent / 60:.1f} min")
    return average


def _optimizer(model: nn.Module) -> torch.optim.Optimizer:
    """AdamW; the pretrained trunk learns at half the head's rate; no decay on biases and norms."""
    groups: dict[tuple[bool, bool], list[nn.Parameter]] = {}
    last = f"model.{len(model.model) - 1}."
    for name, parameter in model.named_parameters():
        groups.setdefault((name.startswith(last), parameter.ndim > 1), []).append(parameter)
    return torch.optim.AdamW(
        [
            {"params": members, "share": 1.0 if head else 0.5, "weight_decay": 5e-4 if decay else 0.0}
            for (head, decay), members in groups.items()
        ],
        lr=PEAK_RATE,
    )


def _as_float(found: Any) -> Any:
    """The network's answers, nested as they are, in float32 for the loss."""
    if isinstance(found, torch.Tensor):
        return found.float()
    if isinstance(found, dict):
        return {name: _as_float(value) for name, value in found.items()}
    return type(found)(_as_float(value) for value in found)


def _canvases(
    examples: Sequence[Example], schedule: Schedule, seed: int, say: Callable[[str], None]
) -> Callable[[int], Batch]:
    """What paints a batch; each number has a random state of its own."""
    images = _decoded(examples, say)
    if all(image is None for image in images):
        raise DataError("None of the pictures to learn from can be read.")
    chances = np.array([e.weight * (image is not None) for e, image in zip(examples, images, strict=True)])
    chances /= chances.sum()
    sizes = [(width, height) for width, height, _ in schedule.canvases]
    shares = [share for _, _, share in schedule.canvases]

    def sample(rng: np.random.Generator, width: int, height: int) -> Canvas:
        # Most canvases show one picture, the others two or four: more small heads for the same work.
        pictures = int(rng.choice([1, 2, 4], p=[0.6, 0.25, 0.15]))
        parts: list[tuple[Image, Targets, bool]] = []
        while len(parts) < pictures:
            drawn = int(rng.choice(len(examples), p=chances))
            example, image = examples[drawn], images[drawn]
            if image is not None:
                parts.append((image, example.targets, example.scene))
        return paint(rng, parts, width, height)

    def batch(number: int) -> Batch:
        rng = np.random.default_rng([seed, number])
        width, height = sizes[rng.choice(len(sizes), p=shares)]
        return _collate([sample(rng, width, height) for _ in range(schedule.batch)])

    return batch


def _decoded(examples: Sequence[Example], say: Callable[[str], None]) -> list[Image | None]:
    """The pictures, which the painters share: 1 GB for 1000; decoding them anew each time would double the work.

    None where a picture cannot be read, which is said.
    """

    def read(example: Example) -> Image | None:
        try:
            return example.picture.read()
        except DataError as error:
            say(str(error))
            return None

    with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:  # OpenCV decodes outside the interpreter's lock
        return list(pool.map(read, examples))


def _collate(canvases: Sequence[Canvas]) -> Batch:
    images = np.stack([c.image[:, :, ::-1].transpose(2, 0, 1) for c in canvases])
    boxes = np.concatenate([c.boxes for c in canvases])
    centre, size = (boxes[:, :2] + boxes[:, 2:]) / 2, boxes[:, 2:] - boxes[:, :2]
    height, width = canvases[0].image.shape[:2]
    normalised = np.concatenate([centre, size], 1) / np.array([width, height, width, height], np.float32)
    untaught = []
    for stride in (8, 16, 32):
        y = ((np.arange(height // stride) + 0.5) * stride // CELL).astype(int)
        x = ((np.arange(width // stride) + 0.5) * stride // CELL).astype(int)
        maps = np.stack([c.untaught[:, y][:, :, x] for c in canvases])
        untaught.append(maps.reshape(len(canvases), len(CLASSES), -1))
    return {
        "img": torch.from_numpy(images),
        "batch_idx": torch.from_numpy(np.repeat(np.arange(len(canvases)), [len(c.classes) for c in canvases])).float(),
        "cls": torch.from_numpy(np.concatenate([c.classes for c in canvases])).float(),
        "bboxes": torch.from_numpy(normalised),
        "untaught": torch.from_numpy(np.concatenate(untaught, 2).transpose(0, 2, 1).copy()),
    }
