"""What persons ask of the registry: entries put, changed in part, and loaded by the file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec

from gateway.desk.requests import (
    ChangeEntry,
    DeskError,
    LoadEntries,
    PutMerchant,
    PutTerminal,
    Reply,
)
from routing.registry import BadEntryError, StaleError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from routing.clock import Now
    from routing.entries import MerchantEntry, TerminalEntry
    from routing.registry import Registry

RegistryRequest = PutMerchant | PutTerminal | ChangeEntry | LoadEntries
LOADED_AT_ONCE_MAX: Final = 200
"""Entries that one request may bring: while they are taken no charge is."""
_STALE: Final = 409
_UNKNOWN: Final = 404


def carry_out(registry: Registry, request: RegistryRequest, who: str, now: Now) -> Reply:
    """Decide it; what was changed is durable once the desk's floor has settled.

    Raises DeskError for what can't be taken, by whoever it is asked.
    """
    try:
        match request:
            case LoadEntries():
                return _load(registry, request, who, now)
            case ChangeEntry():
                entry = _changed(registry, request)
                if entry is None:
                    return Reply(status=_UNKNOWN, said="not registered")
            case _:
                entry = request.entry
        version = registry.put(entry, request.version, who, now, request.why)
    except StaleError as stale:
        return Reply(status=_STALE, said=str(stale), facts={"version": stale.version})
    except BadEntryError as error:
        raise DeskError(str(error)) from None
    return Reply(said="registered", facts={"version": version, "entry": msgspec.to_builtins(entry)})


def _load(registry: Registry, request: LoadEntries, who: str, now: Now) -> Reply:
    if len(request.merchants) + len(request.terminals) > LOADED_AT_ONCE_MAX:
        message = f"no more than {LOADED_AT_ONCE_MAX} entries at once"
        raise DeskError(message)
    changed = registry.load(request.merchants, request.terminals, who, now)
    return Reply(said="loaded", facts={"changed": changed})


def _changed(registry: Registry, request: ChangeEntry) -> MerchantEntry | TerminalEntry | None:
    """The entry as it would be; None if there is none."""
    held: MerchantEntry | TerminalEntry | None
    if request.terminal:
        held = registry.terminal(request.merchant, request.terminal)
    else:
        held = registry.merchant(request.merchant)
    if held is None:
        return None
    try:
        data = _merged(msgspec.to_builtins(held), request.changes)
        entry = msgspec.convert(data, type(held))
    except msgspec.ValidationError as error:
        raise DeskError(str(error)) from None
    if (entry.id, getattr(entry, "merchant", "")) != (held.id, getattr(held, "merchant", "")):
        message = "id, merchant: an entry's name does not change"
        raise DeskError(message)
    return entry


def _merged(held: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """`held` with `changes` made, tables within tables too; None takes a key out."""
    merged = dict(held)
    for key, value in changes.items():
        if value is None:
            merged.pop(key, None)
        elif isinstance(value, dict) and isinstance(merged.get(key, {}), dict):
            merged[key] = _merged(merged.get(key, {}), value)
        else:
            merged[key] = value
    return merged
