"""What the training of both stages shares. Training environment."""

import os
from collections.abc import Callable, Iterator
from itertools import count
from typing import Any

import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset

Batch = dict[str, torch.Tensor]
AHEAD = 3
"""batches that each painter keeps ready"""


def half_precision(device: torch.device) -> torch.autocast:
    """A context for the forward pass in bfloat16; it does nothing where bfloat16 would only be emulated.

    On a CPU with AVX512-BF16 a step of the finder takes 0.52 of its float32 time (two cores, batch 8).
    """
    # torch tells it by this name alone.
    fast = torch.cuda.is_bf16_supported() if device.type == "cuda" else torch.cpu._is_avx512_bf16_supported()
    return torch.autocast(device.type, torch.bfloat16, enabled=fast)


@torch.no_grad()  # type: ignore[untyped-decorator]
def follow(average: nn.Module, model: nn.Module, keep: float) -> None:
    """Move the average of the weights towards the model's; ``keep`` is the share of it that stays."""
    for slow, fast in zip(average.state_dict().values(), model.state_dict().values(), strict=False):
        if slow.dtype.is_floating_point:
            slow.lerp_(fast, 1 - keep)
        else:
            slow.copy_(fast)


class _Numbered(Dataset):  # type: ignore[misc]
    def __init__(self, batch: Callable[[int], Batch]) -> None:
        self._batch = batch

    def __getitem__(self, number: int) -> Batch:
        return self._batch(number)


def painters(device: torch.device) -> int:
    """How many processes paint batches ahead: beside a GPU nearly every core, as painting is then what takes time."""
    return max(1, len(os.sched_getaffinity(0)) - 1) if device.type == "cuda" else 1


def painted(batch: Callable[[int], Batch], first: int, processes: int) -> Iterator[Batch]:
    """The batches ``batch(first)``, ``batch(first + 1)`` and on for ever, painted ahead by ``processes`` painters.

    A number decides what is in its batch, so a run that resumes goes on where it was, with any number of painters.
    """
    loader: Any = DataLoader(
        _Numbered(batch),
        batch_size=None,
        sampler=count(first),
        num_workers=processes,
        prefetch_factor=AHEAD,
        multiprocessing_context="fork",  # the pictures' list is shared, not copied
    )
    return iter(loader)
