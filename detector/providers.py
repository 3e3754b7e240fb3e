"""What computes a session: the processor, or an execution provider of another build of onnxruntime."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple

from detector.card import Precision

Kind = Literal["cpu", "cuda", "tensorrt", "openvino"]
Wanted = Literal["auto", "cpu", "cuda", "tensorrt", "openvino"]
NAMES: dict[Kind, str] = {
    "cpu": "CPUExecutionProvider", "cuda": "CUDAExecutionProvider", "tensorrt": "TensorrtExecutionProvider",
    "openvino": "OpenVINOExecutionProvider",
}
ON_NVIDIA: frozenset[Kind] = frozenset({"cuda", "tensorrt"})
Options = list[tuple[str, dict[str, str]]]


class ProviderError(RuntimeError):
    """A provider that cannot be used on this machine; the message says why."""


class Shapes(NamedTuple):
    """Of a model's input: TensorRT builds an engine for all between the first and the last, fastest for the usual one."""

    smallest: tuple[int, ...]
    usual: tuple[int, ...]
    largest: tuple[int, ...]


@dataclass(frozen=True)
class Provider:
    """`engines`: the folder in which TensorRT keeps what it has built, which takes minutes."""

    kind: Kind = "cpu"
    engines: Path | None = None

    @property
    def in_batches(self) -> bool:
        """Whether several pictures in one run cost less than one after the other; a processor gains nothing from it."""
        return self.kind in ON_NVIDIA

    @property
    def precision(self) -> Precision | None:
        """Of the weights that suit it; None: the card's own choice.

        Quantised graphs fall to pieces on a graphics card, and OpenVINO finds nobody with ours (seen with onnxruntime-openvino
        1.24.1; the exact ones give what the processor gives).
        """
        return None if self.kind == "cpu" else "fp32"

    def options(self, name: str, shapes: Shapes, threads: int) -> Options:
        """For onnxruntime, in the order in which it shall try them; `name` is that of the model's input."""
        processor: Options = [(NAMES["cpu"], {})]
        # By trying all algorithms, the default, each number of crops that comes for the first time would cost seconds.
        cuda: Options = [(NAMES["cuda"], {"cudnn_conv_algo_search": "HEURISTIC"})]
        match self.kind:
            case "cpu":
                return processor
            case "cuda":
                return cuda + processor
            case "openvino":
                return [(NAMES["openvino"], {"device_type": "CPU", "num_of_threads": str(threads)}), *processor]
            case "tensorrt":
                profile = {
                    f"trt_profile_{which}_shapes": f"{name}:{'x'.join(map(str, shape))}"
                    for which, shape in zip(("min", "opt", "max"), shapes, strict=True)
                }
                cache = {"trt_engine_cache_enable": "1", "trt_engine_cache_path": str(self.engines)} if self.engines else {}
                return [(NAMES["tensorrt"], profile | cache), *cuda, *processor]


PROCESSOR = Provider()
