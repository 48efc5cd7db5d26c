"""The terminals behind one listener, as routing asks for them with each message."""

from __future__ import annotations

from typing import TYPE_CHECKING

from routing.conventions import CONVENTIONS

if TYPE_CHECKING:
    from routing.settings import ListenerSettings


class Listener:
    """Its settings, and what follows from them."""

    def __init__(self, settings: ListenerSettings) -> None:
        self.name = settings.name
        self.dialect = settings.dialect
        self.convention = CONVENTIONS[settings.dialect]
        self.terminal_resolves_first = settings.terminal_resolves_first
        self.signs_in = settings.keys == "working"
        """Whether its terminals have keys of their own, since they signed in."""
        self.sign_in = settings.sign_in
