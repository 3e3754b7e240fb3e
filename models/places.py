"""Where the commands of ``sunshine model`` find things and leave them, where nobody says otherwise."""

import os
import sys
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
