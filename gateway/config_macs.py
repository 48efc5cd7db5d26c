"""How messages are authenticated, as the configuration says it, and what can be wrong with that."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

import msgspec

from codec import KeyMaterialError, MacKey
from codec.mac import Algorithm
from gateway.keys.files import read_secret

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from gateway.config import Config, Listener

SM4_INSTEAD: Final[Mapping[str, Algorithm]] = {
    "cup-ecb": "cup-sm4",
    "x9.9": "sm4-cbc",
    "x9.19": "sm4-cbc",
}
"""What MACs of working keys are made with where they are of SM4, by the listener's algorithm."""
_MAK_BYTES: Final = {"cup-ecb": (8, 16, 24), "x9.9": (8, 16, 24), "x9.19": (16,)}
"""Lengths of a MAK that each algorithm of working keys takes."""


class Mac(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How messages are authenticated; what the settings mean stands in `codec.mac`."""

    algorithm: Literal["none"] | Algorithm = "none"
    key_file: str = ""
    """Holds the key as hexadecimal digits."""
    padding: int = 1
    """ISO 9797-1's method, of the CBC algorithms."""
    form: Literal["raw", "hex"] | None = None
    """What stands in the field: the code's bytes, or their hex digits (without it: UnionPay's)."""
    keep: int = 8
    """How many bytes of the field count; the others are zero."""


def mac_problems(key: str, mac: Mac) -> Iterable[str]:
    """What is wrong with a table `mac`: key and why."""
    try:
        mac_key(mac)
    except OSError as error:
        yield f"{key}.key_file = {mac.key_file!r}: {error.strerror}"
    except KeyMaterialError as error:
        yield f"{key}.key_file = {mac.key_file!r}: {error}"
    except ValueError as error:
        yield f"{key}: {error}"


def mac_key(mac: Mac) -> MacKey | None:
    """The key that `mac` names, or None without an algorithm.

    Raises OSError, KeyMaterialError where the key is at fault, or ValueError.
    """
    if mac.algorithm == "none":
        return None
    key = read_secret(Path(mac.key_file))
    return MacKey(mac.algorithm, key, padding=mac.padding, form=mac.form, keep=mac.keep)


def working_key_problems(config: Config) -> Iterable[str]:
    """Listeners whose terminals sign in, and what such terminals fetch."""
    for number, each in enumerate(config.listener):
        key = f"listener.{number}"
        if each.keys == "fixed":
            continue
        if config.keys.custody == "none":
            yield f"{key}.keys = 'working': needs keys.custody, which makes them"
        if each.mac.key_file:
            yield f"{key}.mac.key_file: with keys = 'working' each terminal has keys of its own"
        if each.mac.algorithm in _MAK_BYTES:
            yield from _length_problems(key, each)
        else:
            why = f"with keys = 'working' one of {', '.join(_MAK_BYTES)}"
            yield f"{key}.mac.algorithm = {each.mac.algorithm!r}: {why}"
        chosen = config.canary.listener or config.listener[0].name
        if config.canary.card_files and chosen == each.name:
            why = "test charges need a listener with fixed keys"
            yield f"canary.listener = {config.canary.listener!r}: {why}"
    names = [each.name for each in config.parameters]
    for number, held in enumerate(config.parameters):
        if names.count(held.name) > 1:
            yield f"parameters.{number}.name = {held.name!r}: two have this name"
        yield from (f"parameters.{number}.{problem}" for problem in held.problems())


def _length_problems(key: str, listener: Listener) -> Iterable[str]:
    """Keys that would be given out, and that no MAC can be made with."""
    taken = _MAK_BYTES[listener.mac.algorithm]
    for code in listener.sign_in.key_blocks:
        lengths = listener.sign_in.lengths(listener.dialect, code)
        if lengths is not None and lengths.cipher == "des" and lengths.mak not in taken:
            why = f"{listener.mac.algorithm} takes a MAK of {' or '.join(map(str, taken))} bytes"
            yield f"{key}.sign_in.key_blocks.{code}: {why}"
