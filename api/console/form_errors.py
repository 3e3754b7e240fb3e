"""What is wrong with a form that was sent."""

from pydantic import ValidationError

from api.kit.problems import InvalidField


def refused_fields(error: ValidationError | InvalidField) -> list[str]:
    """Those that the schema refused, or the service."""
    if isinstance(error, InvalidField):
        return [error.field]
    return [str(item["loc"][0]) for item in error.errors()]
