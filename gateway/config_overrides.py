"""`--set key.path=value`: one key of the configuration, overridden before it is checked."""

from __future__ import annotations

import tomllib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence


class ConfigError(Exception):
    """Everything that is wrong with a configuration, a line each: key, value and why."""

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = tuple(problems)


def override(data: dict[str, Any], said: str) -> None:
    """Carry out one `key.path=value`; list items are named by number."""
    path, equals, text = said.partition("=")
    if not equals:
        raise ConfigError([f"--set {said}: no '=' in it; give key.path=value"])
    *parents, last = path.strip().split(".")
    place: Any = data
    for key, following in zip(parents, [*parents, last][1:], strict=True):
        place = _child(place, key, said, following)
    value = _value(text)
    if isinstance(place, list):
        index = _index(place, last, said)
        place[index : index + 1] = [value]
    else:
        place[last] = value


def _child(place: Any, key: str, said: str, following: str) -> Any:
    if isinstance(place, list):
        index = _index(place, key, said)
        if index == len(place):
            place.append({})
        return place[index]
    if not isinstance(place, dict):
        raise ConfigError([f"--set {said}: {key} is inside a plain value"])
    return place.setdefault(key, [] if following.isdigit() else {})


def _index(place: list[Any], key: str, said: str) -> int:
    if not key.isdigit() or int(key) > len(place):
        why = f"{key} is no item of a list of {len(place)}"
        raise ConfigError([f"--set {said}: {why}"])
    return int(key)


def _value(text: str) -> Any:
    """A TOML value if it is one, else the text as it stands."""
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text
