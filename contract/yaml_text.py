"""Reading YAML, in which people write tables."""

from typing import Any

import yaml

# PyYAML's own parser takes ten times as long as libyaml, which not every build of it has.
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def parse(text: str) -> Any:
    """Raises ValueError, which says where: for what is no YAML, and for what looks like a date or a number and is none."""
    try:
        return yaml.load(text, _LOADER)  # noqa: S506 - it is a safe one
    except yaml.YAMLError as error:
        raise ValueError(str(error)) from error
