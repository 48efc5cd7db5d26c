"""The life of one link to a host: how far it has come, and what each event does to it.

Rule 1.  A link carries charges and reversals only while it is SIGNED_ON: connected and, where the
         host wants a sign-on, signed on.
Rule 2.  A sign-on that is refused is asked again after a pause, which doubles; a person is told.
Rule 3.  A host that signs off gets nothing but echoes on any link, also on one made since, until it
         signs on again or accepts a sign-on.  What waits for the disk then does not leave.
         Words over several links may overtake one another: a link that carried the sign-off itself
         takes a sign-on from another link only after `OTHERS_WORD_S`, if no sign-off follows.
Rule 4.  A link on which nothing was heard for a while is asked for an echo, or again for the
         sign-on; when too many of these meet silence it is closed, to be made anew.
Rule 5.  A link that comes back starts slowly, beside others.
Rule 6.  A link on which charges go unanswered while others answer gets nothing new for a while,
         then starts slowly.  The last usable link is never put aside.

Rule 7.  A gateway that stops signs off on every link that was signed on, once all that it carries
         came to its answer; it signs on no more, and does not wait for the answer for long.

Network management itself (echoes, sign-ons, keys, cut-overs) goes over a link in any state.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final, NamedTuple

OTHERS_WORD_S: Final = 10.0
"""The sign-off that follows may be on a link that stands still; few that do so for longer are not
given up."""


class LinkState(StrEnum):
    """How far a link has come."""

    DISCONNECTED = "disconnected"
    CONNECTED = "connected"
    SIGNED_ON = "signed on"
    SIGNED_OFF = "signed off"


STANDS: Final = (LinkState.CONNECTED, LinkState.SIGNED_ON, LinkState.SIGNED_OFF)
"""Where a link that exists can stand."""
LINK_TROUBLES: Final = ("echo missed", "sign-on refused", "put aside", "closed")


class LinkEvent(StrEnum):
    """What happens to a link."""

    MADE = "made; the host wants a sign-on"
    MADE_OPEN = "made; the host wants no sign-on"
    MADE_WHILE_OFF = "made while the host is signed off"
    ACCEPTED = "our sign-on was accepted"
    REFUSED = "our sign-on was refused"
    HOST_ON = "the host signs on"
    HOST_OFF = "the host signs off"
    WE_LEAVE = "the gateway stops"
    QUIET = "nothing was heard for a while"
    SILENT = "too many echoes were missed"
    LOST = "the connection is gone"


class LinkAction(StrEnum):
    """What the gateway does about it."""

    ASK_SIGN_ON = "asks for the sign-on"
    ASK_SIGN_OFF = "asks for the sign-off"
    ASK_ECHO = "asks for an echo"
    BACK_OFF = "waits before it asks again, and tells a person"
    START_SLOWLY = "gives it a small share at first"
    CLOSE = "closes the connection"


class LinkStep(NamedTuple):
    """What an event does to a link: its next state, and what is done."""

    next: LinkState
    actions: tuple[LinkAction, ...] = ()


_S, _E, _A = LinkState, LinkEvent, LinkAction
TABLE: Final[dict[tuple[LinkState, LinkEvent], LinkStep]] = {
    (_S.DISCONNECTED, _E.MADE): LinkStep(_S.CONNECTED, (_A.ASK_SIGN_ON,)),
    (_S.DISCONNECTED, _E.MADE_OPEN): LinkStep(_S.SIGNED_ON, (_A.START_SLOWLY,)),
    # A host that was started anew has forgotten that it signed off: asking tells.
    (_S.DISCONNECTED, _E.MADE_WHILE_OFF): LinkStep(_S.SIGNED_OFF, (_A.ASK_SIGN_ON,)),
    (_S.CONNECTED, _E.ACCEPTED): LinkStep(_S.SIGNED_ON, (_A.START_SLOWLY,)),
    (_S.CONNECTED, _E.REFUSED): LinkStep(_S.CONNECTED, (_A.BACK_OFF,)),
    (_S.CONNECTED, _E.HOST_ON): LinkStep(_S.SIGNED_ON, (_A.START_SLOWLY,)),
    (_S.CONNECTED, _E.HOST_OFF): LinkStep(_S.SIGNED_OFF),
    (_S.CONNECTED, _E.WE_LEAVE): LinkStep(_S.CONNECTED),
    (_S.CONNECTED, _E.QUIET): LinkStep(_S.CONNECTED, (_A.ASK_SIGN_ON,)),
    (_S.CONNECTED, _E.SILENT): LinkStep(_S.CONNECTED, (_A.CLOSE,)),
    (_S.CONNECTED, _E.LOST): LinkStep(_S.DISCONNECTED),
    (_S.SIGNED_ON, _E.ACCEPTED): LinkStep(_S.SIGNED_ON),
    # The host signed on by itself while our sign-on was under way.
    (_S.SIGNED_ON, _E.REFUSED): LinkStep(_S.SIGNED_ON),
    (_S.SIGNED_ON, _E.HOST_ON): LinkStep(_S.SIGNED_ON),
    (_S.SIGNED_ON, _E.HOST_OFF): LinkStep(_S.SIGNED_OFF),
    (_S.SIGNED_ON, _E.WE_LEAVE): LinkStep(_S.SIGNED_OFF, (_A.ASK_SIGN_OFF,)),
    (_S.SIGNED_ON, _E.QUIET): LinkStep(_S.SIGNED_ON, (_A.ASK_ECHO,)),
    (_S.SIGNED_ON, _E.SILENT): LinkStep(_S.SIGNED_ON, (_A.CLOSE,)),
    (_S.SIGNED_ON, _E.LOST): LinkStep(_S.DISCONNECTED),
    (_S.SIGNED_OFF, _E.ACCEPTED): LinkStep(_S.SIGNED_ON, (_A.START_SLOWLY,)),
    (_S.SIGNED_OFF, _E.REFUSED): LinkStep(_S.SIGNED_OFF),
    (_S.SIGNED_OFF, _E.HOST_ON): LinkStep(_S.SIGNED_ON, (_A.START_SLOWLY,)),
    (_S.SIGNED_OFF, _E.HOST_OFF): LinkStep(_S.SIGNED_OFF),
    (_S.SIGNED_OFF, _E.WE_LEAVE): LinkStep(_S.SIGNED_OFF),
    (_S.SIGNED_OFF, _E.QUIET): LinkStep(_S.SIGNED_OFF, (_A.ASK_ECHO,)),
    (_S.SIGNED_OFF, _E.SILENT): LinkStep(_S.SIGNED_OFF, (_A.CLOSE,)),
    (_S.SIGNED_OFF, _E.LOST): LinkStep(_S.DISCONNECTED),
}  # fmt: skip
"""Every pair that can happen; another one is a mistake of the gateway's own (KeyError)."""


class Health(StrEnum):
    """How well a link, or a host with all its links, is."""

    UP = "up"
    DEGRADED = "degraded"
    """Usable, but an echo was missed, or it is put aside or starts slowly."""
    DOWN = "down"
