"""Where a training stands, on disk: a run that is killed goes on from here. Runs in the training environment."""

import io
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn

from models.data import DataError
from models.durable import replace_file


@dataclass(frozen=True)
class Checkpoint:
    """One file that holds the model, the average of its weights, the optimizer, and how far they are."""

    path: Path
    model: nn.Module
    average: nn.Module
    optimizer: torch.optim.Optimizer

    def load(self, device: torch.device) -> tuple[float, int]:
        """Seconds spent and steps done so far; (0, 0) without a file. Raises DataError where it is torn or of another network."""
        if not self.path.is_file():
            return 0.0, 0
        try:
            saved = torch.load(self.path, map_location=device, weights_only=True)
            self.model.load_state_dict(saved["model"])
            self.average.load_state_dict(saved["average"])
            self.optimizer.load_state_dict(saved["optimizer"])
            return saved["spent_s"], saved["step"]
        except Exception as error:  # torch's errors have no common class
            raise DataError(f"{self.path} cannot be gone on from. Remove it to begin anew. ({error})") from error

    def save(self, spent_s: float, step: int) -> None:
        parts = {"model": self.model.state_dict(), "average": self.average.state_dict(), "optimizer": self.optimizer.state_dict()}
        packed = io.BytesIO()
        torch.save({**parts, "spent_s": spent_s, "step": step}, packed)
        replace_file(self.path, packed.getvalue())
