"""One ONNX Runtime session for one model card."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import onnxruntime as ort

from detector.card import ModelCard, ModelError, Tensor
from detector.providers import NAMES, ON_NVIDIA, PROCESSOR, Kind, Provider, ProviderError, Shapes, Wanted

OnRun = Callable[[str, tuple[int, ...]], None]
NO_SHAPES = Shapes((), (), ())


class Session:
    """Runs the weights of a card. One thread by default and no spinning: several idle pools slow each other up to three times."""

    def __init__(
        self, card: ModelCard, weights: bytes, threads: int = 1, on_run: OnRun | None = None, provider: Provider = PROCESSOR,
        shapes: Shapes = NO_SHAPES,
    ) -> None:
        """`on_run` is told the model's name and the input's shape at each run. `shapes` matter to TensorRT alone.

        Raises ModelError if the weights do not load, or differ from what the card says of input and outputs; ProviderError if
        the provider is missing or does not start.
        """
        _must_be_there(provider)
        options = ort.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        options.log_severity_level = 3
        try:
            self._session = ort.InferenceSession(
                weights, options, providers=provider.options(card.input.name, shapes, threads), enable_fallback=0
            )
        except Exception as error:  # onnxruntime's own exceptions share no public base class
            if provider != PROCESSOR:
                raise ProviderError(f"{NAMES[provider.kind]} does not start: {error}") from error
            raise ModelError(
                f"The weights of {card.name} do not load: they are damaged, or need a newer onnxruntime. "
                f"Install the product again, or export the model again. ({error})"
            ) from error
        # It only warns where a library of the provider is missing, and computes on the processor.
        if self._session.get_providers()[0] != NAMES[provider.kind]:
            raise ProviderError(f"{NAMES[provider.kind]} does not start; onnxruntime's own lines above say why.")
        _must_match(card, [card.input], self._session.get_inputs())
        _must_match(card, card.outputs, self._session.get_outputs())
        self._provider = provider
        self._name = card.name
        self._on_run = on_run
        self._input = card.input.name
        self._outputs = [output.name for output in card.outputs]

    def run(self, batch: npt.NDArray[np.uint8]) -> list[npt.NDArray[np.float32]]:
        """The outputs in the card's order. Raises ProviderError where another provider than the processor fails."""
        if self._on_run is not None:
            self._on_run(self._name, batch.shape)
        try:
            return list(self._session.run(self._outputs, {self._input: batch}))
        except Exception as error:
            if self._provider == PROCESSOR:
                raise
            raise ProviderError(f"{NAMES[self._provider.kind]} fails: {error}") from error


def chosen(wanted: Wanted) -> Kind:
    """`auto` is CUDA where this onnxruntime knows it, else the processor."""
    if wanted != "auto":
        return wanted
    return "cuda" if NAMES["cuda"] in ort.get_available_providers() else "cpu"


def _must_be_there(provider: Provider) -> None:
    """Raises ProviderError where this build of onnxruntime has no such provider."""
    there = ort.get_available_providers()
    if NAMES[provider.kind] not in there:
        raise ProviderError(f"The onnxruntime that is installed has no {NAMES[provider.kind]}, only {', '.join(there)}.")
    if provider.kind in ON_NVIDIA:
        ort.preload_dlls()  # CUDA and cuDNN may have come as Python packages, where no loader looks


def _must_match(card: ModelCard, told: list[Tensor], found: list[ort.NodeArg]) -> None:
    types = {"tensor(uint8)": "uint8", "tensor(float)": "float32"}
    by_name = {node.name: node for node in found}
    for tensor in told:
        node = by_name.get(tensor.name)
        fits = node is not None and types.get(node.type) == tensor.dtype and _same_shape(tensor.shape, node.shape)
        if not fits:
            there = [f"{n.name} {n.type} {n.shape}" for n in found]
            raise ModelError(
                f"The card of {card.name} promises {tensor.name} {tensor.dtype} {tensor.shape}, the weights have {there}. "
                "Export the model and its card again."
            )


def _same_shape(told: list[int | str], found: list[int | str | None]) -> bool:
    """A size that is a word or missing may be anything."""
    return len(told) == len(found) and all(
        not isinstance(t, int) or not isinstance(f, int) or t == f for t, f in zip(told, found, strict=True)
    )
