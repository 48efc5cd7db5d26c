"""Keys that change in the middle of everything: what terminals and the clearing house share with
the gateway, and the gateway's custody of it.

A terminal's working keys come from the shipped custody, after the time that a security module may
take.  The clearing house hands out a MAC key when it is asked, and when it likes; now and then its
check value is wrong.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from codec import MacKey, mac
from codec.keys import Secret, check_value, wrap
from gateway.keys.software import SoftwareCustody
from gateway.simulators.terminal_session import Keyed
from tests.gateway.custodies import KEK, sealed
from tests.simulation.agenda import Nap

if TYPE_CHECKING:
    import random
    from collections.abc import Iterable

    from codec import Message
    from gateway.keys.port import IssuedKeys, Layout
    from gateway.keys.wrapped import WrappedKey
    from tests.simulation.agenda import Agenda, SimClock

ALGORITHM: Final = "cup-ecb"
TMK: Final = bytes.fromhex("31313131313131313232323232323232")
KEYED: Final = Keyed("unionpay-pos", ALGORITHM, Secret(TMK), "003")
KEYED_HOST: Final = "clearing"
FIELD: Final = 62
"""Where a host's new key stands."""
GRACE_S: Final = 20.0
"""How long either side takes MACs under the key before."""
_ZONE: Final = bytes.fromhex("CA5D92598DCA48CE8A4C76361A9269E9")
FIRST: Final = bytes.fromhex("FEDCBA9876543210" * 2)
_TAKES_S: Final = (0.0, 0.01, 0.3, 2.0)


class SlowCustody(SoftwareCustody):
    """The shipped custody, and the time that a security module takes."""

    def __init__(self, agenda: Agenda, clock: SimClock, rng: random.Random) -> None:
        super().__init__([KEK], fill=self._drawn, wall=lambda: clock.now().wall)
        self._agenda, self._rng = agenda, rng

    def _drawn(self, memory: bytearray) -> None:
        memory[:] = self._rng.randbytes(len(memory))

    async def new_working_keys(self, master: WrappedKey, layout: Layout) -> IssuedKeys:
        """As shipped, later."""
        await Nap(self._agenda).take(self._rng.choice(_TAKES_S))
        return await super().new_working_keys(master, layout)


async def keys_file(custody: SoftwareCustody, tills: Iterable[str], *, has_first: bool) -> str:
    """The gateway's file of wrapped keys: a TMK for each of `tills`, the clearing house's zone key,
    and its first MAC key where it `has_first`; else it asks for one before anything else.
    """
    held = sealed(custody)
    keys = [await held.known(TMK, "tmk", each) for each in tills]
    keys.append(await held.known(_ZONE, "zmk", KEYED_HOST))
    if has_first:
        keys.append(await held.known(FIRST, "zak", KEYED_HOST))
    listed = ", ".join(f'"{each}"' for each in keys)
    return f"key = [{listed}]\n"


class HostsKeys:
    """The clearing house's side.  What it handed out counts once it knows that the gateway has it;
    the key before is good for a while longer.
    """

    def __init__(self, agenda: Agenda, rng: random.Random, *, changes: bool) -> None:
        self._agenda, self._rng = agenda, rng
        self.changes = changes
        """Whether it exchanges keys at all."""
        self.key = MacKey(ALGORITHM, FIRST)
        self._before: MacKey | None = None
        self._until = 0.0
        self._known = [self.key]
        """Every key that the gateway ever was to have."""
        self._offered: dict[str, MacKey] = {}

    def offer(self, stan: str, *, wrong: bool) -> str:
        """DE 62 with a new key, which counts once the gateway took it (`stan`: its answer's)."""
        clear = self._rng.randbytes(16)
        key = self._offered[stan] = MacKey(ALGORITHM, clear)
        self._known.append(key)
        check = bytes(4) if wrong else check_value(clear)
        return (wrap(_ZONE, clear) + check).hex().upper()

    def took(self, stan: str) -> bool:
        """The gateway has it: it signs with it, and so does the host; False if there is none."""
        key = self._offered.pop(stan, None)
        if key is not None:
            self._use(key)
        return key is not None

    def _use(self, key: MacKey) -> None:
        self._before, self._until = self.key, self._agenda.now + GRACE_S
        self.key = key

    def good(self, message: Message) -> bool:
        """Whether the MAC is good now.  One under a key that is on offer says that it was taken."""
        if mac.verify(message, self.key):
            return True
        for stan, offered in self._offered.items():
            if mac.verify(message, offered):
                self.took(stan)
                return True
        before = self._before if self._agenda.now < self._until else None
        return before is not None and mac.verify(message, before)

    def was_good(self, message: Message) -> bool:
        """Whether the gateway had a right to make this MAC at some time."""
        return any(mac.verify(message, each) for each in reversed(self._known))
