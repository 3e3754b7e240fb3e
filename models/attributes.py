"""Stage 2, the attributes: train the crop network on every labelled head and hand. Runs in the training environment."""

import copy
import math
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from detector.attributes import VIOLATING
from models.attribute_crops import SILENT, WHOLE, Patch
from models.attribute_samples import Sample, sample, shares
from models.attributes_net import AttributeNet
from models.calibration import biases
from models.cap_cutouts import Cutout
from models.checkpoint import Checkpoint
from models.export import fold_batch_norms
from models.publish import STATES
from models.training import Batch, follow, half_precision, painted, painters

BATCH = 64
PEAK_RATE = 1.5e-3
TRUNK_SHARE = 0.5
EARLIER_SHARE = 2 / 3
"""of the weights of an earlier training in the mean"""


def train(
    train_patches: Sequence[Patch],
    val_patches: Sequence[Patch],
    caps: Sequence[Cutout],
    start: Path,
    state: Path,
    budget_s: float,
    seed: int = 0,
    say: Callable[[str], None] = print,
    earlier: AttributeNet | None = None,
) -> AttributeNet:
    """Train for ``budget_s`` seconds in all, resuming from ``state``; returns the calibrated average of the weights.

    ``caps``: cut-outs that are put on bare heads. ``earlier``: what to average with, as ``read_attributes`` gives it.
    """
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    model = AttributeNet(start, seed).to(device, memory_format=torch.channels_last)
    average = copy.deepcopy(model).eval()
    optimizer = _optimizer(model)
    checkpoint = Checkpoint(state, model, average, optimizer)
    spent, step = checkpoint.load(device)
    if step:
        say(f"attributes: resuming at step {step}, {spent / 60:.1f} min spent")

    model.train()
    smooth: dict[str, float] = {}
    saved_at = spent
    batches = painted(_crops(train_patches, caps, seed), step, painters(device))
    while spent < budget_s:
        began = time.monotonic()
        rate = PEAK_RATE * min(1, (step + 1) / 50) * (0.02 + 0.98 * (1 + math.cos(math.pi * spent / budget_s)) / 2)
        for group in optimizer.param_groups:
            group["lr"] = rate * group["share"]
        batch = {name: value.to(device) for name, value in next(batches).items()}
        with half_precision(device):
            raw = model.logits(_seen(batch["crops"]))
        losses = _losses({name: answers.float() for name, answers in raw.items()}, batch)
        optimizer.zero_grad()
        torch.stack(list(losses.values())).sum().backward()
        nn.utils.clip_grad_norm_(model.parameters(), 5.0)
        optimizer.step()
        step += 1
        follow(average, model, min(0.997, step / (step + 20)))
        spent += time.monotonic() - began
        for name, value in losses.items():
            smooth[name] = 0.97 * smooth.get(name, float(value.detach())) + 0.03 * float(value.detach())
        if step % 50 == 0:
            parts = ", ".join(f"{name} {value:.3f}" for name, value in smooth.items())
            say(f"attributes: {spent / 60:5.1f}/{budget_s / 60:.0f} min, step {step}, {parts}")
        if spent - saved_at > 120:
            checkpoint.save(spent, step)
            saved_at = spent
    checkpoint.save(spent, step)
    say(f"attributes: {step} steps in {spent / 60:.1f} min")
    result: AttributeNet = average.cpu().eval()
    if earlier is not None:
        fold_batch_norms(result)
        follow(result, earlier, 1 - EARLIER_SHARE)
    calibrate(result, val_patches, seed, say)
    return result


def _optimizer(model: AttributeNet) -> torch.optim.Optimizer:
    """AdamW; the pretrained trunk learns at half the rate; no decay on biases and norms."""
    groups: dict[tuple[bool, bool], list[nn.Parameter]] = {}
    for name, parameter in model.named_parameters():
        if parameter.requires_grad:
            groups.setdefault((name.startswith(("middle.", "coarse.", "deep.")), parameter.ndim > 1), []).append(parameter)
    return torch.optim.AdamW(
        [
            {"params": members, "share": TRUNK_SHARE if trunk else 1.0, "weight_decay": 0.02 if decay else 0.0}
            for (trunk, decay), members in groups.items()
        ]
    )


def calibrate(model: AttributeNet, val_patches: Sequence[Patch], seed: int, say: Callable[[str], None]) -> None:
    """Set each attribute's temperature and biases on the validation part."""
    if not val_patches:
        say("attributes: nothing to set temperatures and biases on: answers stay as sure as training left them; add groups")
        return
    _set_temperatures(model, val_patches, seed, say)
    _set_biases(model, val_patches, say)


def _set_temperatures(model: AttributeNet, val_patches: Sequence[Patch], seed: int, say: Callable[[str], None]) -> None:
    """The temperature of least loss, on patches drawn and seen as in training."""
    batch = _crops(val_patches, (), seed)
    kept = [batch(number) for number in range(16)]
    with torch.inference_mode():
        raw = [model.logits(_seen(batch["crops"])) for batch in kept]
    for name, value in model.temperature.items():
        logits = torch.cat([r[name] for r in raw])
        target = torch.cat([b[name] for b in kept])
        logits, target = logits[target != SILENT], target[target != SILENT]
        if len(target) < 50 or len(target.unique()) < 2:  # of one state alone, the surer the answers the less the loss
            say(f"attributes: too few validation labels to set the temperature of {name} on, it stays 1")
            continue

        def loss(t: float, logits: torch.Tensor = logits, target: torch.Tensor = target) -> float:
            if logits.ndim == 1:
                return float(functional.binary_cross_entropy_with_logits(logits / t, target.float()))
            return float(functional.cross_entropy(logits / t, target))

        best = min(np.geomspace(0.5, 3, 37), key=loss)
        value.data.fill_(float(best))
        say(f"attributes: temperature of {name} {best:.2f}, validation loss {loss(1):.3f} -> {loss(best):.3f}")


def _set_biases(model: AttributeNet, val_patches: Sequence[Patch], say: Callable[[str], None]) -> None:
    """How likely violations are, on patches as the detector cuts them, each once."""
    rng = np.random.default_rng(0)
    samples = [sample(rng, patch, plain=True) for patch in val_patches]
    with torch.inference_mode():
        parts = [model(_seen(_collate(samples[i : i + BATCH])["crops"])) for i in range(0, len(samples), BATCH)]
    told = {name: torch.cat(answers).numpy() for name, answers in zip(STATES, zip(*parts, strict=True), strict=True)}
    scenes = [f"{patch.source}/{patch.group}" for patch in val_patches]
    for name, value in biases([s.labels for s in samples], told, scenes).items():
        violating = torch.tensor([state in VIOLATING for state in STATES[name]])
        model.bias[name].data.copy_(value * violating)
        say(f"attributes: bias of {name} {value:+.2f}")


def _losses(raw: dict[str, torch.Tensor], batch: Batch) -> dict[str, torch.Tensor]:
    """One masked mean per attribute: SILENT labels teach nothing."""
    losses = {}
    for name in WHOLE:
        known = (batch[name] != SILENT).sum().clamp(min=1)
        summed = functional.cross_entropy(
            raw[name], batch[name], ignore_index=SILENT, reduction="sum", label_smoothing=0.02
        )
        losses[name] = summed / known
    for name in ("readable", "smoking"):
        known = batch[name] != SILENT
        # Most crops say at a glance that nobody smokes; bare faces decide, and they are few.
        losses[name] = (2.0 if name == "smoking" else 1.0) * _binary(raw[name][known], batch[name][known])
    cells = batch["cells"]
    positive, negative = cells == 1, cells == 0
    # Cells with a cigarette are about one in two hundred; both kinds count alike, or the map learns to say never.
    losses["cells"] = 0.5 * _binary(raw["cigarette"][positive], cells[positive]) + 2.0 * _binary(
        raw["cigarette"][negative], cells[negative]
    )
    return losses


def _seen(crops: torch.Tensor) -> torch.Tensor:
    """Bytes as the network takes them."""
    return (crops.float() / 255).contiguous(memory_format=torch.channels_last)


def _binary(logits: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    if not len(target):
        return logits.sum()
    return functional.binary_cross_entropy_with_logits(logits, target.float())


def _crops(found: Sequence[Patch], caps: Sequence[Cutout], seed: int) -> Callable[[int], Batch]:
    """What paints a batch; each number has a random state of its own."""
    chances = shares(found)

    def batch(number: int) -> Batch:
        rng = np.random.default_rng([seed, number])
        return _collate([sample(rng, found[i], caps=caps) for i in rng.choice(len(found), BATCH, p=chances)])

    return batch


def _collate(samples: Sequence[Sample]) -> Batch:
    crops = np.stack([s.image[:, :, ::-1] for s in samples]).transpose(0, 3, 1, 2)
    labels = {
        name: torch.tensor([getattr(s.labels, name) for s in samples])
        for name in (*WHOLE, "readable", "smoking")
    }
    cells = torch.from_numpy(np.stack([s.cells for s in samples]).astype(np.int64))
    return {
        "crops": torch.from_numpy(np.ascontiguousarray(crops)),
        "cells": cells,
        **labels,
    }
