"""The attribute network: one small trunk for head and hand crops, four answers. Training environment."""

import torch
from torch import nn

STATES = {
    "cap": ("worn", "missing", "unknown"),
    "mask": ("worn", "missing", "wrong", "unknown"),
    "smoking": ("yes", "no", "unknown"),
    "glove": ("worn", "missing", "unknown"),
}
SIZE = 96
"""crop side in pixels"""
CELLS = 12
"""side of the cigarette map"""


class AttributeNet(nn.Module):  # type: ignore[misc]
    """Crops RGB 0..1 [n, 3, 96, 96] to logits (training) or probabilities (evaluation).

    Smoking is read from a map: each of the 12 x 12 cells says whether a cigarette lies in it, and the crop's answer
    is the soft maximum of its cells. So what teaches 'smoking' is the place of the cigarette and not the style of
    the picture, and every cell beside a cigarette is a counter-example.
    """

    def __init__(self, seed: int = 0) -> None:
        super().__init__()
        torch.manual_seed(seed)
        # Training time is what is short: a step takes half of what two-convolution residuals of full width took.
        self.stem = _block(3, 16, stride=2)
        self.fine = nn.Sequential(_block(16, 32, stride=2), _Residual(_convolution(32, 32)))
        self.middle = nn.Sequential(
            _block(32, 64, stride=2), _Residual(_convolution(64, 64)), _Residual(_convolution(64, 64))
        )
        narrow = nn.Sequential(_block(128, 64, side=1), _block(64, 64), _convolution(64, 128, side=1))
        self.coarse = nn.Sequential(_block(64, 128, stride=2), _Residual(narrow))
        self.drop = nn.Dropout(0.2)
        self.cap = nn.Linear(256, 3)
        self.mask = nn.Linear(256, 4)
        self.glove = nn.Linear(256, 3)
        self.readable = nn.Linear(256, 1)
        # The map sees the fine cells it stands for and, through the coarse ones, what they belong to.
        self.context = nn.Conv2d(128, 32, 1)
        self.cigarette = nn.Sequential(_block(96, 32, side=1), _block(32, 32), nn.Conv2d(32, 1, 1))
        nn.init.constant_(self.cigarette[-1].bias, -4.0)
        self.temperature = nn.ParameterDict(
            {name: nn.Parameter(torch.ones(()), requires_grad=False) for name in STATES}
        )
        """divides the logits; set on the validation part after training"""

    def logits(self, crops: torch.Tensor) -> dict[str, torch.Tensor]:
        """Raw answers: cap, mask, glove [n, k]; cigarette [n, 12, 12]; smoking [n] (a cigarette); readable [n]."""
        middle = self.middle(self.fine(self.stem(crops)))
        coarse = self.coarse(middle)
        pooled = self.drop(torch.cat([coarse.mean((2, 3)), coarse.amax((2, 3))], 1))
        context = nn.functional.interpolate(self.context(coarse), scale_factor=2.0, mode="nearest")
        cells = self.cigarette(torch.cat([middle, context], 1)).squeeze(1)
        flat = cells.flatten(1)
        # Soft maximum: sharp enough that 144 cells saying 'surely not' cannot add up to a 'yes'.
        smoking = torch.logsumexp(4 * flat, 1) / 4
        return {
            "cap": self.cap(pooled),
            "mask": self.mask(pooled),
            "glove": self.glove(pooled),
            "cigarette": cells,
            "smoking": smoking,
            "readable": self.readable(pooled).squeeze(1),
        }

    def forward(self, crops: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """Probabilities in the order of STATES, [n, states] each."""
        raw = self.logits(crops)
        smoking = (raw["smoking"] / self.temperature["smoking"]).sigmoid()
        readable = raw["readable"].sigmoid()
        return (
            (raw["cap"] / self.temperature["cap"]).softmax(1),
            (raw["mask"] / self.temperature["mask"]).softmax(1),
            torch.stack([readable * smoking, readable * (1 - smoking), 1 - readable], 1),
            (raw["glove"] / self.temperature["glove"]).softmax(1),
        )


def _convolution(inputs: int, outputs: int, stride: int = 1, side: int = 3) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(inputs, outputs, side, stride, side // 2, bias=False), nn.BatchNorm2d(outputs))


def _block(inputs: int, outputs: int, stride: int = 1, side: int = 3) -> nn.Sequential:
    return nn.Sequential(*_convolution(inputs, outputs, stride, side), nn.ReLU(inplace=True))


class _Residual(nn.Module):  # type: ignore[misc]
    def __init__(self, body: nn.Module) -> None:
        super().__init__()
        self.body = body

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.relu(x + self.body(x))
