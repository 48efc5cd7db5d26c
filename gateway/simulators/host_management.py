"""Network management of the simulated host: sign-ons, MAC keys that it hands out, its cut-over.

Messages in, messages out; sockets and time are `host`'s.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

from codec import MacKey
from codec.keys import check_value, wrap
from gateway.simulators.bank import APPROVED

if TYPE_CHECKING:
    from datetime import datetime

    from codec import Message
    from gateway.simulators.host_script import HostScript
    from gateway.simulators.host_speech import HostSpeech
    from gateway.simulators.line import LineKeys

UNAVAILABLE: Final = "91"
UNSUPPORTED: Final = "40"
_KEY_BYTES: Final = 16


class Management:
    """What the host says about its links and keys, and what it is asked."""

    def __init__(self, script: HostScript, speech: HostSpeech, keys: LineKeys, zone: bytes) -> None:
        """`zone`: the key under which MAC keys are handed out; b'' where none are."""
        self._script, self._speech, self._keys, self._zone = script, speech, keys, zone
        self._refusals = script.sign_ons_refused
        self._wrong_checks = script.wrong_check_values
        self._last_stan = 0
        self._offered: dict[str, MacKey] = {}
        """Keys that were sent and not answered yet, by STAN."""

    def is_sign_on(self, message: Message) -> bool:
        """Whether the gateway asks to be signed on."""
        return self._speech.network_what(message) == "sign-on"

    def hear(self, message: Message) -> Message:
        """The answer to a request of the gateway's."""
        what, fields = self._speech.network_what(message), {39: APPROVED}
        if what == "sign-on" and self._refusals:
            self._refusals -= 1
            fields[39] = UNAVAILABLE
        elif what == "key change" and self._zone:
            key = os.urandom(_KEY_BYTES)
            fields[self._script.key_field] = self._wrapped(key)
            # The gateway uses it from this answer on.
            self._keys.change(self._mac_key(key))
        elif what == "key change":
            fields[39] = UNSUPPORTED
        return self._speech.answer(message, fields)

    def says(self, what: str, now: datetime) -> Message:
        """A message of the host's own: sign-on, sign-off, key change, cut-over begins or ends."""
        self._last_stan += 1
        stan = f"{self._last_stan:06d}"
        message = self._speech.network_request(what, stan, now)
        if what == "key change":
            key = os.urandom(_KEY_BYTES)
            message.patch(self._script.key_field, self._wrapped(key))
            self._offered[stan] = self._mac_key(key)
        return message

    def answered(self, message: Message) -> None:
        """The gateway answers: a key that it took is used from now on."""
        key = self._offered.pop(message.get(11, ""), None)
        if key is not None and message.get(39) == APPROVED:
            self._keys.change(key)

    def _mac_key(self, key: bytes) -> MacKey:
        algorithm = self._script.mac_algorithm
        return MacKey("cup-ecb" if algorithm == "none" else algorithm, key)

    def _wrapped(self, key: bytes) -> str:
        check = check_value(key)
        if self._wrong_checks:
            self._wrong_checks -= 1
            check = bytes(each ^ 0xFF for each in check)
        return (wrap(self._zone, key) + check).hex().upper()
