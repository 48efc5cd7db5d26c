"""The mappings between dialects that come with the gateway, read from `routing/mappings/`."""

from __future__ import annotations

import tomllib
from functools import cache
from importlib import resources
from typing import Any

import msgspec

from routing.translation import Mapping, check


@cache
def mappings() -> tuple[Mapping, ...]:
    """The mapping files that come with the gateway.  Raises MappingError."""
    folder = resources.files("routing.mappings")
    found = []
    for file in sorted(folder.iterdir(), key=lambda each: each.name):
        if file.name.endswith(".toml"):
            data = _numbered(tomllib.loads(file.read_text("utf-8")))
            mapping = msgspec.convert(data, Mapping, strict=False)
            check(mapping)
            found.append(mapping)
    return tuple(found)


def _numbered(data: dict[str, Any]) -> dict[str, Any]:
    """TOML keys are text; the tables `clip` and `fill` are keyed by field numbers."""
    for direction in ("request", "answer"):
        for table in ("clip", "fill"):
            rules = data.get(direction, {}).get(table)
            if rules is not None:
                data[direction][table] = {int(key): value for key, value in rules.items()}
    return data
