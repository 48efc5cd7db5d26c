"""The closed sets of words that the labels of metrics are made of, where no enum holds them."""

from __future__ import annotations

from typing import Final

from routing.conventions import CONVENTIONS
from routing.matching import ECHOED
from routing.states import Event

MTI_CLASSES: Final = {
    "1": "auth",
    "2": "financial",
    "3": "file",
    "4": "reversal",
    "5": "settlement",
    "8": "network",
}

OUTCOMES: Final = {
    Event.APPROVAL: "approved",
    Event.APPROVAL_STANDS: "approved",
    Event.ADVICE_TAKEN: "approved",
    Event.UNDELIVERABLE_APPROVAL: "approved",
    Event.OVER_LIMIT: "approved",
    Event.DECLINE: "declined",
    Event.ADVICE_DISPUTED: "declined",
    Event.NO_ANSWER: "timeout",
    Event.OUTCOME_UNKNOWN: "timeout",
    Event.UNSENDABLE: "host_unavailable",
}
"""What came of a request that had a host."""
UNDONE: Final = "undone"
"""Its terminal, or a restart, undid it before the host answered."""
REFUSALS: Final = {
    "91": "host_unavailable",
    "90": "host_unavailable",
    "68": "timeout",
    "98": "timeout",
    "94": "duplicate",
    "30": "invalid",
    "96": "internal_error",
    "A0": "bad_mac",
    "61": "limit",
    "65": "limit",
}
"""What the gateway's own refusal with such a DE 39 means."""
REFUSED: Final = "refused"
OF_HOSTS: Final = (*dict.fromkeys(OUTCOMES.values()), UNDONE)
OF_REFUSALS: Final = (*dict.fromkeys(REFUSALS.values()), REFUSED)

UNMATCHED: Final = (
    "a request",
    "bad MAC",
    "nobody waits",
    *(f"DE {field} differs" for field in ECHOED),
    *sorted(
        {f"key: {part} differs" for each in CONVENTIONS.values() for part in each.key_parts[1:]}
    ),
)
"""Why a host's message answers nothing: an echoed field differs, or a part of the key itself does
from that of a request with the same STAN."""

ENDED: Final = (
    "ended",
    "reset",
    "idle",
    "connections_max",
    "connections_per_address_max",
    "frame_bytes_max",
    "waiting_bytes_max",
    "link_waiting_bytes_max",
    "accept failed",
    "no handshake in time",
    "no first frame in time",
    "frame not completed in time",
    "answer not acknowledged",
    "no answer to echoes",
    "it has signed off",
    "not a frame",
    "malformed messages",
    "host not allowed",
    "proxy not trusted",
    "no proxy header",
    "bad proxy header",
    "no TLS agreed",
    "TLS broken",
    "certificate not accepted",
    "not its certificate's terminal",
)
"""Why connections ended, or were refused."""

DECLINES: Final = (
    *("01", "03", "04", "05", "12", "13", "14", "33", "34", "36", "38", "41", "43", "51", "54"),
    *("55", "57", "58", "59", "61", "62", "63", "64", "65", "75"),
)
"""DE 39 of hosts' declines that are told apart."""

BOUNDS: Final = (
    "wire.connections_max",
    "wire.in_flight_per_terminal_max",
    "wire.in_flight_max",
    "descriptors",
    "effects that wait for the journal",
    "questions that wait for the journal",
    "batches in upload",
    "remembered reversals",
    "counted in a day",
    "take-backs",
    "terminals that wait for keys",
    "work that waits for the custody",
    "MACs that wait for the module",
    "notices read at a time",
    "registry.entries_max",
    "accounts.requests_open_max",
    "journal.ended_in_memory_max",
    "bytes of the redo log",
)
"""Bounds of the process, named as README's table of limits does."""
