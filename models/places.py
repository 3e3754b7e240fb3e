"""What all commands of ``sunshine model`` share: where they find things and leave them, and how they tell what is wrong."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

CHECKOUT = Path(__file__).parents[1]
WEIGHTS = CHECKOUT / "models" / "weights"
SHARED = CHECKOUT.parent / "shared"
CACHE = Path(os.environ.get("XDG_CACHE_HOME", "~/.cache")).expanduser() / "sunshine-kitchen"
WORK, MEASURED = CACHE / "train", CACHE / "eval"


def outside_the_checkout(out: Path, named: str = "folder") -> None:
    """Ends the command where ``out`` lies in the checkout; ``named``: what to choose anew."""
    if out.resolve().is_relative_to(CHECKOUT):
        raise SystemExit(f"{out} lies in the checkout, where pictures of people must not be. Choose another {named}.")


def say(line: str) -> None:
    """Progress, beside what the command prints."""
    print(line, file=sys.stderr, flush=True)


@contextmanager
def told_in_words(*also: type[Exception]) -> Iterator[None]:
    """Ends the command with one sentence, and no traceback, where a person can put right what is wrong."""
    from detector.card import ModelError
    from models.data import DataError

    told: tuple[type[Exception], ...] = (DataError, ModelError, OSError, *also)
    try:
        yield
    except told as error:
        raise SystemExit(str(error)) from None
