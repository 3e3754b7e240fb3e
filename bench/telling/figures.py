from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Figure:
    what: str
    value: str


def percentiles(values: Sequence[float], *percents: int) -> list[float]:
    return [float(value) for value in np.percentile(values, percents)]
