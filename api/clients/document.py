"""The part of the OpenAPI document that other systems need: what tokens open, tokens themselves, and links to pictures."""

import json
import re
from typing import Any

from api.clients.scopes import OPERATIONS

_BESIDE = frozenset({"issue_token", "revoke_token", "get_linked_picture"})
_REFERENCE = re.compile(r'"#/components/schemas/([^"]+)"')


def for_tokens(document: dict[str, Any]) -> dict[str, Any]:
    """Without the schemas that nothing in it refers to."""
    wanted = _BESIDE | OPERATIONS.keys()
    paths = {
        path: kept for path, item in document["paths"].items()
        if (kept := {method: operation for method, operation in item.items() if operation["operationId"] in wanted})
    }
    schemas, needed = document["components"]["schemas"], set[str]()
    waiting = set(_REFERENCE.findall(json.dumps(paths)))
    while waiting:
        name = waiting.pop()
        needed.add(name)
        waiting |= set(_REFERENCE.findall(json.dumps(schemas[name]))) - needed
    components = {**document["components"], "schemas": {name: schemas[name] for name in schemas if name in needed}}
    return {**{name: part for name, part in document.items() if name != "webhooks"}, "paths": paths, "components": components}
