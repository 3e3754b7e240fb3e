from pydantic import TypeAdapter, ValidationError

from contract.base import Name

_NAME: TypeAdapter[str] = TypeAdapter(Name)


def is_name(text: str) -> bool:
    """Whether people, shops and whatever else has a name may be called this, without the spaces around it."""
    try:
        _NAME.validate_python(text.strip())
    except ValidationError:
        return False
    return True
