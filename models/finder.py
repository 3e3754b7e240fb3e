"""Stage 1, the finder: fine-tune YOLO26n to people, heads, hands and cigarettes. Runs in the training environment."""

import copy
import math
import time
from collections.abc import Callable, Iterator, Sequence
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
from models.pseudo import CLASSES, Targets
from models.torchvision_shim import install

install()
from ultralytics.nn.tasks import DetectionModel  # noqa: E402
from ultralytics.utils.loss import E2ELoss  # noqa: E402

WIDTH, HEIGHT = 512, 320
"""training canvas: the camera's shape, and three fifths of the pixels of the default 640 x 384"""
BATCH = 8
PEAK_RATE = 1e-3
FROZEN = 3
"""first layers that stay as COCO made them: edges and colours; without them a step takes 0.7 of its time"""


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
    """YOLO26n with four classes; weights from a COCO checkpoint, or random without one."""
    torch.manual_seed(seed)
    model = DetectionModel("yolo26n.yaml", nc=80, verbose=False)
    if start is not None:
        from ultralytics import YOLO

        model.load_state_dict(YOLO(start).model.float().state_dict())
    detect = model.model[-1]
    for branches in (detect.cv3, detect.one2one_cv3):
        for level, branch in enumerate(branches):
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
    detect.end2end = True
    model.names = dict(enumerate(CLASSES))
    # The gains are ultralytics' own defaults; epochs only scales the hand-over from one-to-many to one-to-one.
    model.args = SimpleNamespace(box=7.5, cls=0.5, dfl=1.5, epochs=101)
    return model


class TaughtOnly(nn.Module):  # type: ignore[misc]
    """Binary cross entropy that is silent where a picture says nothing about a class."""

    def __init__(self) -> None:
        super().__init__()
        self.untaught = torch.zeros(0)

    def forward(self, logits: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        """[b, anchors, 4] losses; ``untaught`` [b, anchors, 4] mutes cells that hold no label."""
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

    Returns the moving average of the weights. The learning rate follows the share of time that is spent, so a slower
    machine sees fewer pictures but ends the same way.
    """
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    model = build(start, seed).to(device, memory_format=torch.channels_last)
    average = copy.deepcopy(model).eval()
    criterion = E2ELoss(model)
    taught = TaughtOnly()
    criterion.one2many.bce = criterion.one2one.bce = taught
    optimizer = _optimizer(model)
    checkpoint = Checkpoint(state, model, average, optimizer)
    spent, step = checkpoint.load(device)
    if step:
        say(f"finder: resuming at step {step}, {spent / 60:.1f} min spent")

    model.train()
    if device.type == "cpu":
        for layer in list(model.model)[:FROZEN]:
            layer.eval().requires_grad_(False)
    smooth, first, saved_at = 0.0, step, spent
    batches = _batches(examples, seed + step)
    while spent < budget_s:
        began = time.monotonic()
        progress = spent / budget_s
        rate = PEAK_RATE * min(1, (step + 1) / 60) * (0.02 + 0.98 * (1 + math.cos(math.pi * progress)) / 2)
        for group in optimizer.param_groups:
            group["lr"] = rate * group["share"]
        criterion.updates = int(100 * progress) - 1
        criterion.update()
        batch = next(batches)
        taught.untaught = batch.pop("untaught").to(device)
        batch = {name: value.to(device) for name, value in batch.items()}
        batch["img"] = batch["img"].contiguous(memory_format=torch.channels_last)
        loss, _ = criterion(model(batch["img"]), batch)
        optimizer.zero_grad()
        (loss.sum() / BATCH).backward()
        nn.utils.clip_grad_norm_(model.parameters(), 10.0)
        optimizer.step()
        step += 1
        _follow(average, model, min(0.998, step / (step + 20)))
        spent += time.monotonic() - began
        smooth = 0.98 * smooth + 0.02 * float(loss.detach().sum()) / BATCH
        if step % 50 == 0:
            mean = smooth / (1 - 0.98 ** (step - first))
            say(f"finder: {spent / 60:5.1f}/{budget_s / 60:.0f} min, step {step}, loss {mean:.3f}, rate {rate:.1e}")
        if spent - saved_at > 120:
            checkpoint.save(spent, step)
            saved_at = spent
    checkpoint.save(spent, step)
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


@torch.no_grad()  # type: ignore[untyped-decorator]
def _follow(average: nn.Module, model: nn.Module, keep: float) -> None:
    for slow, fast in zip(average.state_dict().values(), model.state_dict().values(), strict=False):
        if slow.dtype.is_floating_point:
            slow.lerp_(fast, 1 - keep)
        else:
            slow.copy_(fast)


def _batches(examples: Sequence[Example], seed: int) -> Iterator[dict[str, Any]]:
    """Endless batches, painted ahead by one thread (OpenCV works outside the interpreter's lock)."""
    rng = np.random.default_rng(seed)
    chances = np.array([e.weight for e in examples])
    chances /= chances.sum()

    def sample() -> Canvas:
        # Half of the canvases show one picture, the others two or four: more small heads for the same work.
        count = int(rng.choice([1, 2, 4], p=[0.5, 0.25, 0.25]))
        parts: list[tuple[Image, Targets, bool]] = []
        while len(parts) < count:
            example = examples[rng.choice(len(examples), p=chances)]
            try:
                parts.append((example.picture.read(), example.targets, example.scene))
            except DataError:
                continue
        return paint(rng, parts, WIDTH, HEIGHT)

    with ThreadPoolExecutor(1) as pool:
        ahead = [pool.submit(lambda: _collate([sample() for _ in range(BATCH)])) for _ in range(3)]
        while True:
            ahead.append(pool.submit(lambda: _collate([sample() for _ in range(BATCH)])))
            yield ahead.pop(0).result()


def _collate(canvases: Sequence[Canvas]) -> dict[str, Any]:
    images = np.stack([c.image[:, :, ::-1].transpose(2, 0, 1) for c in canvases])
    boxes = np.concatenate([c.boxes for c in canvases])
    centre, size = (boxes[:, :2] + boxes[:, 2:]) / 2, boxes[:, 2:] - boxes[:, :2]
    normalised = np.concatenate([centre, size], 1) / np.array([WIDTH, HEIGHT, WIDTH, HEIGHT], np.float32)
    untaught = []
    for stride in (8, 16, 32):
        y = ((np.arange(HEIGHT // stride) + 0.5) * stride // CELL).astype(int)
        x = ((np.arange(WIDTH // stride) + 0.5) * stride // CELL).astype(int)
        maps = np.stack([c.untaught[:, y][:, :, x] for c in canvases])
        untaught.append(maps.reshape(len(canvases), len(CLASSES), -1))
    return {
        "img": torch.from_numpy(images.astype(np.float32) / 255),
        "batch_idx": torch.from_numpy(np.repeat(np.arange(len(canvases)), [len(c.classes) for c in canvases])).float(),
        "cls": torch.from_numpy(np.concatenate([c.classes for c in canvases])).float(),
        "bboxes": torch.from_numpy(normalised),
        "untaught": torch.from_numpy(np.concatenate(untaught, 2).transpose(0, 2, 1).copy()),
    }
