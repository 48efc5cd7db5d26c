"""Terminals that sign in: who is in, with which keys, in which batch; what the others are told.

Rule 1.  Who is not registered is told so before anything else: 03 (the merchant is none of ours),
         97 (the terminal is none of ours, or another merchant's), 58 (it is not in service).
Rule 2.  A sign-in gives new working keys each time, the batch's number and the time.  Nobody knows
         which answers a terminal heard, and in what order: the last `UNUSED_MAX` keys that were
         given are good.
Rule 3.  The keys used before stay good until the first good MAC under new ones, over lost answers,
         lost connections and restarts; what was given after those stays good, too.  So nobody who
         sends a sign-in in a terminal's name (it carries no MAC) can lock that terminal out.
Rule 4.  Who is signed out is told 77 when it asks for money; a wrong MAC is told A0 and changes
         nothing, else anyone could sign a terminal out.
Rule 5.  What undoes, tells of or settles earlier charges (reversals, confirmations, 0500, 0320)
         needs its MAC and nothing else: many terminals take any answer, also 77, for the end of a
         reversal, and money of a terminal out of service must not be stranded.
Rule 6.  A sign-off is never refused.
Rule 7.  A batch that was settled is closed, and the next number begins.  What asks for money in
         another batch than the terminal's is told 77, and learns the number as it signs in.
         A settlement is of the batch in force, or again of the one that was closed last.

Rule 8.  Whose keys are revoked has none, until a sign-in gets new ones.  Before that they may be
         good for last words only: what rule 5 names, until `ends_at`.

| state | sign-in's keys | changed keys | new key used | sign-off | settled | out | revoked |
|---|---|---|---|---|---|---|---|
| out | in; old keys stay | old keys stay | old keys go | out | next batch | out | out; keys go |
| in | in; old keys stay | old keys stay | old keys go | out | next batch | out | out; keys go |
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping


class SignState(StrEnum):
    """Whether a terminal may ask for money."""

    OUT = "signed out"
    IN = "signed in"


class SignEvent(StrEnum):
    """What happens to a terminal's session."""

    KEYS_ISSUED = "a sign-in got its keys"
    KEYS_CHANGED = "a key change got its keys"
    NEW_KEY_USED = "a good MAC under the new keys"
    SIGNED_OFF = "a sign-off"
    BATCH_CLOSED = "a settlement, to its end"
    OUT_OF_SERVICE = "the registry takes it out of service"
    KEYS_REVOKED = "its keys are revoked"


class SignAction(StrEnum):
    """What follows."""

    KEEP_OLD_KEYS = "the keys used before stay good"
    DROP_OLD_KEYS = "the keys used or given before are forgotten"
    FORGET_KEYS = "no key is good any more"
    NEXT_BATCH = "the batch's number goes on"


class SignStep(NamedTuple):
    """What an event does to a session."""

    next: SignState
    actions: tuple[SignAction, ...] = ()


_S, _E, _A = SignState, SignEvent, SignAction

TABLE: Final[dict[tuple[SignState, SignEvent], SignStep]] = {
    (_S.OUT, _E.KEYS_ISSUED): SignStep(_S.IN, (_A.KEEP_OLD_KEYS,)),
    (_S.IN, _E.KEYS_ISSUED): SignStep(_S.IN, (_A.KEEP_OLD_KEYS,)),
    (_S.OUT, _E.KEYS_CHANGED): SignStep(_S.OUT, (_A.KEEP_OLD_KEYS,)),
    (_S.IN, _E.KEYS_CHANGED): SignStep(_S.IN, (_A.KEEP_OLD_KEYS,)),
    # A reversal may be the first message under new keys after a sign-off crossed the sign-in.
    (_S.OUT, _E.NEW_KEY_USED): SignStep(_S.OUT, (_A.DROP_OLD_KEYS,)),
    (_S.IN, _E.NEW_KEY_USED): SignStep(_S.IN, (_A.DROP_OLD_KEYS,)),
    (_S.OUT, _E.SIGNED_OFF): SignStep(_S.OUT),
    (_S.IN, _E.SIGNED_OFF): SignStep(_S.OUT),
    # A settlement's totals were asked of the journal, and a sign-off came meanwhile.
    (_S.OUT, _E.BATCH_CLOSED): SignStep(_S.OUT, (_A.NEXT_BATCH,)),
    (_S.IN, _E.BATCH_CLOSED): SignStep(_S.IN, (_A.NEXT_BATCH,)),
    (_S.OUT, _E.OUT_OF_SERVICE): SignStep(_S.OUT),
    (_S.IN, _E.OUT_OF_SERVICE): SignStep(_S.OUT),
    (_S.OUT, _E.KEYS_REVOKED): SignStep(_S.OUT, (_A.FORGET_KEYS,)),
    (_S.IN, _E.KEYS_REVOKED): SignStep(_S.OUT, (_A.FORGET_KEYS,)),
}
"""Every pair."""

BATCHES: Final = 999_999
UNUSED_MAX: Final = 4
"""Keys of a terminal that were given and not used yet; the oldest is forgotten."""


class Till(NamedTuple):
    """A terminal of a merchant."""

    merchant: str
    terminal: str

    @staticmethod
    def of(merchant: str, terminal: str) -> Till:
        """From DE 42 and DE 41, which blanks may fill."""
        return Till(merchant.rstrip(), terminal.rstrip())

    @property
    def key(self) -> str:
        """Under which its session is kept."""
        return f"{self.merchant}|{self.terminal}"


@dataclass(slots=True)
class Session:
    """One terminal's: all of it outlives a restart but what the last two lines hold."""

    till: Till
    state: SignState = SignState.OUT
    listener: str = ""
    """Where it signed in, which says how its MACs are made."""
    batch: int = 0
    """The number in force; 0: none was given yet."""
    closed: int = 0
    """The batch that was settled last."""
    batch_since: float = 0.0
    """Since when the number is in force, wall time."""
    new_key: str = ""
    """The MAC key issued last, wrapped; '' once it is the one in use, or before any."""
    earlier: tuple[tuple[str, str], ...] = ()
    """MAC and track keys issued before that one and not used, the latest first."""
    key: str = ""
    """The MAC key that the terminal is known to use, wrapped."""
    new_track_key: str = ""
    """The track key that was issued with `new_key`, if any, wrapped."""
    track_key: str = ""
    """And the one that the terminal is known to use."""
    operator: str = ""
    signed_in_at: float = 0.0
    fetched: dict[str, int] = field(default_factory=dict)
    """Versions of parameters that it has, by name."""
    wanted: str = ""
    """What it is to be asked for: digits of the header's processing requirement."""
    ends_at: float = 0.0
    """When its keys are revoked, wall time: until then they are good for last words only (rule 8).
    0: nobody took it out of service for good."""
    broken: tuple[str, ...] = ()
    """Parts of it that do not work, as it said."""
    bad_macs: int = 0
    """Of late; see `bad_macs_since`."""
    bad_macs_since: float = float("-inf")

    def take(self, event: SignEvent, issued: str = "", track_key: str = "", used: int = 0) -> None:
        """Take one step; `issued` is the MAC key of KEYS_ISSUED and KEYS_CHANGED, and `used` says
        which one NEW_KEY_USED is about: how many were issued after it.
        """
        step = TABLE[self.state, event]
        self.state = step.next
        for action in step.actions:
            match action:
                case SignAction.KEEP_OLD_KEYS:
                    self._keep_unused((issued, track_key), *self._unused())
                    self.ends_at = 0.0
                case SignAction.DROP_OLD_KEYS:
                    unused = self._unused()
                    self.key, self.track_key = unused[used]
                    self._keep_unused(*unused[:used])
                case SignAction.FORGET_KEYS:
                    self.key, self.track_key, self.ends_at = "", "", 0.0
                    self._keep_unused()
                case SignAction.NEXT_BATCH:
                    self.closed, self.batch = self.batch, self.batch % BATCHES + 1

    def unused(self) -> tuple[str, ...]:
        """MAC keys issued and not used yet, the latest first."""
        return tuple(mac_key for mac_key, _ in self._unused())

    def _unused(self) -> tuple[tuple[str, str], ...]:
        return ((self.new_key, self.new_track_key), *self.earlier) if self.new_key else ()

    def _keep_unused(self, *keys: tuple[str, str]) -> None:
        self.new_key, self.new_track_key = keys[0] if keys else ("", "")
        self.earlier = keys[1:UNUSED_MAX]

    def data(self) -> dict[str, Any]:
        """As it is kept."""
        return {
            "state": str(self.state),
            "listener": self.listener,
            "batch": self.batch,
            "closed": self.closed,
            "batch_since": self.batch_since,
            "new_key": self.new_key,
            "earlier": [list(each) for each in self.earlier],
            "key": self.key,
            "new_track_key": self.new_track_key,
            "track_key": self.track_key,
            "operator": self.operator,
            "signed_in_at": self.signed_in_at,
            "fetched": dict(self.fetched),
            "wanted": self.wanted,
            "ends_at": self.ends_at,
            "broken": list(self.broken),
        }

    @staticmethod
    def of(key: str, data: Mapping[str, Any]) -> Session:
        """The session that `data` made."""
        merchant, _, terminal = key.rpartition("|")
        kept = dict(data)
        state, broken = SignState(kept.pop("state")), tuple(kept.pop("broken"))
        earlier = tuple((mac_key, tdk) for mac_key, tdk in kept.pop("earlier", ()))
        return Session(Till(merchant, terminal), state, broken=broken, earlier=earlier, **kept)
