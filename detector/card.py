"""The model card: what a weights file is, how it was made, how good it is, and the hash and input that loading insists on."""

import hashlib
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field

from contract.base import Sha256
from contract.evidence import ModelVersion
from contract.yaml_text import parse

Share = Annotated[float, Field(ge=0, le=1)]
FILE = r"^[\w.-]+\.onnx$"


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Tensor(_Part):
    name: str
    dtype: Literal["uint8", "float32"]
    shape: list[int | str] = Field(description="a word stands for a size that may change")


class Source(_Part):
    source: str
    licence: str
    pictures: int


class Start(_Part):
    """Weights that the training began from or learned from."""

    name: str
    role: Literal["start", "teacher"]
    licence: str


class Training(_Part):
    command: str
    machine: str
    duration: str


class Figure(_Part):
    """One measured number; `low` and `high` are the ends of its 95 % interval, `count` the labels it rests on."""

    subject: str = Field(description="what was looked for: a class of the finder, an attribute, a violation")
    measure: str
    part: str = Field(description="`all`, a size, or a source of the pictures")
    value: float
    low: float | None = None
    high: float | None = None
    count: int


class Bin(_Part):
    """One point of a reliability curve: the mean told probability of a violation, and the share of them that were one."""

    attribute: str
    told: Share
    true: Share
    count: int


Precision = Literal["fp32", "int8"]


class Variant(_Part):
    """The same weights in numbers of one precision; `cpu_ms` of one call on one thread, on the machine that made them."""

    precision: Precision
    file: str = Field(pattern=FILE)
    sha256: Sha256
    cpu_ms: float = Field(gt=0)


class Measured(_Part):
    """What one command measured on one set of pictures or clips, with one of the variants."""

    on: str
    command: str
    precision: Precision = "fp32"
    figures: list[Figure]
    reliability: list[Bin] = Field(default_factory=list)


class Aim(_Part):
    """What a figure should be on the test list, and, while it is not, what would close the gap."""

    subject: str
    measure: str
    value: float
    closed_by: str


class Crop(_Part):
    """How stage 2 cuts: squares of `size` pixels, side = scale times the longer side of the box."""

    size: int = Field(gt=0)
    head_scale: float = Field(gt=0)
    hand_scale: float = Field(gt=0)


class Thresholds(_Part):
    """`score`: what the finder reports, by class. `sure`: the least probability with which a state is told, by attribute."""

    score: dict[str, Share] = Field(default_factory=dict)
    sure: dict[str, Share] = Field(default_factory=dict)


class ModelCard(_Part):
    name: str
    file: str = Field(pattern=FILE, description="the variant that is used where nobody asks for another")
    sha256: Sha256
    variants: list[Variant] = Field(default_factory=list, description="all, the one above too; none if it is the only one")
    purpose: str
    licence: str
    input: Tensor
    outputs: list[Tensor]
    long_side: int | None = Field(
        None, ge=32, le=4096, description="finder: pixels of the longer side of the picture as the net sees it"
    )
    classes: dict[str, list[str]] = Field(description="by output: the words of its classes or states, in the order of the tensor")
    crop: Crop | None = None
    thresholds: Thresholds
    data: list[Source]
    starts: list[Start]
    trained: Training
    aims: list[Aim] = Field(default_factory=list)
    measured: list[Measured]
    known_failures: list[str]

    @property
    def version(self) -> ModelVersion:
        return ModelVersion(name=self.name, sha256=self.sha256)

    @property
    def precision(self) -> Precision:
        """Of the default variant."""
        return next((variant.precision for variant in self.variants if variant.file == self.file), "fp32")

    def of(self, precision: Precision) -> Self:
        """The card with one variant in the place of the default. Raises ModelError if there is no such variant."""
        if precision == self.precision:
            return self
        variant = next((v for v in self.variants if v.precision == precision), None)
        if variant is None:
            raise ModelError(f"There is no {precision} variant of {self.name}. Make it with: sunshine model quantise")
        return self.model_copy(update={"file": variant.file, "sha256": variant.sha256})


class ModelError(ValueError):
    """Weights that must not be used; the message says which file and why."""


def default_weights() -> Path:
    """The folder of the weights that are shipped."""
    return Path(str(files("models") / "weights"))


def load_model(folder: Path, name: str, precision: Precision | None = None) -> tuple[ModelCard, bytes]:
    """Read `name`.yaml and the weights it describes, without `precision` those of its default variant.

    Raises ModelError if a file is missing, torn, or not the card's.
    """
    path = folder / f"{name}.yaml"
    try:
        card = ModelCard.model_validate(parse(path.read_text(encoding="utf-8")))
        card = card if precision is None else card.of(precision)
        weights = (folder / card.file).read_bytes()
    except ModelError:
        raise
    except (OSError, ValueError) as error:
        raise ModelError(
            f"The model card {path} or its weights cannot be read. Install the product again, or name another folder of weights. "
            f"({error})"
        ) from error
    if hashlib.sha256(weights).hexdigest() != card.sha256:
        raise ModelError(
            f"The weights {folder / card.file} are not those that {path.name} describes (SHA-256 differs). "
            "Install the product again, or train and export the model again."
        )
    return card, weights
