"""The attribute network: one small trunk for head and hand crops, an answer for each attribute. Training environment."""

from pathlib import Path

import torch
from torch import nn

from models.attribute_crops import WHOLE
from models.publish import STATES
from models.trunk import coco


class AttributeNet(nn.Module):  # type: ignore[misc]
    """Crops RGB 0..1 [n, 3, 96, 96] to logits (training) or probabilities (evaluation).

    The trunk is YOLO26n's, as COCO made it: there are a few thousand labelled heads and hands, too few
    to learn from what an edge or a cloth is. Smoking is read from a map: each of the 12 x 12 cells says whether a
    cigarette lies in it, and the crop's answer is the soft maximum of its cells. So what teaches 'smoking' is the place of
    the cigarette and not the style of the picture, and every cell beside a cigarette is a counter-example.
    """

    def __init__(self, start: Path | None, seed: int = 0) -> None:
        super().__init__()
        torch.manual_seed(seed)
        layers = list(coco(start).model)
        self.middle = nn.Sequential(*layers[:5])
        self.coarse = nn.Sequential(*layers[5:7])
        self.deep = nn.Sequential(*layers[7:9])
        self.drop = nn.Dropout(0.2)
        self.states = nn.ModuleDict({name: nn.Linear(768, len(STATES[name])) for name in WHOLE})
        self.readable = nn.Linear(768, 1)
        # The map sees the fine cells it stands for and, through the coarse ones, what they belong to.
        self.context = nn.Conv2d(128, 32, 1)
        self.cigarette = nn.Sequential(_block(160, 32, side=1), _block(32, 32), nn.Conv2d(32, 1, 1))
        nn.init.constant_(self.cigarette[-1].bias, -4.0)
        self.temperature = nn.ParameterDict(
            {name: nn.Parameter(torch.ones(()), requires_grad=False) for name in STATES}
        )
        """divides the logits; set on the validation part after training"""
        self.bias = nn.ParameterDict(
            {name: nn.Parameter(torch.zeros(len(STATES[name])), requires_grad=False) for name in WHOLE}
        )
        """is added then; set there too"""

    def logits(self, crops: torch.Tensor) -> dict[str, torch.Tensor]:
        """Raw answers: of each attribute of WHOLE [n, k]; cigarette [n, 12, 12]; smoking [n] (a cigarette); readable [n]."""
        middle = self.middle(crops)
        coarse = self.coarse(middle)
        deep = self.deep(coarse)
        pooled = self.drop(torch.cat([pool(found) for found in (coarse, deep) for pool in (_mean, _most)], 1))
        context = nn.functional.interpolate(self.context(coarse), scale_factor=2.0, mode="nearest")
        cells = self.cigarette(torch.cat([middle, context], 1)).squeeze(1)
        flat = cells.flatten(1)
        # Soft maximum: sharp enough that 144 cells saying 'surely not' cannot add up to a 'yes'.
        smoking = torch.logsumexp(4 * flat, 1) / 4
        return {
            **{name: states(pooled) for name, states in self.states.items()},
            "cigarette": cells,
            "smoking": smoking,
            "readable": self.readable(pooled).squeeze(1),
        }

    def forward(self, crops: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """Probabilities in the order of STATES, [n, states] each."""
        raw = self.logits(crops)
        smoking = (raw["smoking"] / self.temperature["smoking"]).sigmoid()
        readable = raw["readable"].sigmoid()
        told = {"smoking": torch.stack([readable * smoking, readable * (1 - smoking), 1 - readable], 1)}
        told |= {name: (raw[name] / self.temperature[name] + self.bias[name]).softmax(1) for name in WHOLE}
        return tuple(told[name] for name in STATES)


def _mean(found: torch.Tensor) -> torch.Tensor:
    return found.mean((2, 3))


def _most(found: torch.Tensor) -> torch.Tensor:
    return found.amax((2, 3))


def _block(inputs: int, outputs: int, side: int = 3) -> nn.Sequential:
    convolution = nn.Conv2d(inputs, outputs, side, 1, side // 2, bias=False)
    return nn.Sequential(convolution, nn.BatchNorm2d(outputs), nn.ReLU(inplace=True))
