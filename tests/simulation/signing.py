"""A street with shops whose terminals sign in: keys change in the middle of traffic and faults.

Such a terminal signs in when it is put up, when it is told 77, and now and then for new keys.  It
may hang up before it has the answer: then it goes on with the keys it has, as POS terminals do.
The keys come from the shipped custody, after a time that a security module may need.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Final

import msgspec

from codec import MacKey, Message, build
from codec.framing import frame
from codec.keys import working_keys
from gateway.audit import Audit
from gateway.config import Listener
from gateway.config_macs import Mac
from gateway.keys.settings import KeySettings, SecretSource
from gateway.keys.software import SoftwareCustody
from gateway.registry_file import Document, RegistryConfig, as_toml
from routing.entries import MerchantEntry, TerminalEntry
from routing.service import Proof
from tests.simulation.agenda import WALL_AT_START, Nap
from tests.simulation.street import POS, SHOPS, WINDOW_S
from tests.simulation.terminals import ANSWER_TIMEOUT_S, Terminal
from tests.simulation.world import World

if TYPE_CHECKING:
    import random

    from gateway.audit import Report
    from gateway.config import Config
    from gateway.keys.port import IssuedKeys, Layout
    from gateway.keys.wrapped import WrappedKey
    from tests.simulation.agenda import Agenda
    from tests.simulation.street import Line

EXAMPLES: Final = Path(__file__).parents[2] / "examples"
LISTENER: Final = "signs"
SIGNING_SHOPS: Final = (
    (LISTENER, "MARKET-POS-0001", False, "410000"),
    (LISTENER, "LAUNDRY-POS-001", True, "620000"),
)
TMK: Final = bytes.fromhex("31313131313131313232323232323232")
TMK_NAME: Final = "123456789012345|10000001"
"""Under which it lies, wrapped, in the example's file of keys."""
TERMINALS_MAX: Final = 500
NEW_KEYS: Final = 0.15
"""Share of sales before which a terminal signs in anew."""
HANGS_UP: Final = 0.3
"""Share of those sign-ins whose answer the terminal does not wait for."""
KEYS_TAKE_S: Final = (0.0, 0.01, 0.3, 2.0)
_HEADER: Final = bytes.fromhex("6000030000602200000000")
_WRONG_MAC: Final = "A0"
_SIGN_IN_FIRST: Final = frozenset({"77", _WRONG_MAC})
_RETRY_S: Final = 3.0
_SIGNED_IN: Final = "0810"


class SlowCustody(SoftwareCustody):
    """The shipped custody, and the time that a security module takes."""

    def __init__(self, agenda: Agenda, rng: random.Random) -> None:
        kek = bytes.fromhex((EXAMPLES / "sample.kek").read_text())
        super().__init__([kek], fill=self._drawn, wall=lambda: WALL_AT_START + agenda.now)
        self._agenda, self._rng = agenda, rng

    def _drawn(self, memory: bytearray) -> None:
        memory[:] = self._rng.randbytes(len(memory))

    async def new_working_keys(self, master: WrappedKey, layout: Layout) -> IssuedKeys:
        """As shipped, later."""
        await Nap(self._agenda).take(self._rng.choice(KEYS_TAKE_S))
        return await super().new_working_keys(master, layout)


class SigningTerminal(Terminal):
    """A terminal with a TMK, and working keys once it has signed in."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._wants_keys = True
        self._signing: Message | None = None
        """The sign-in whose answer it waits for."""

    def _new_sale(self) -> None:
        self._wants_keys |= self._rng.random() < NEW_KEYS
        super()._new_sale()

    def _step(self) -> None:
        if self._key is not None and not self._wants_keys:
            super()._step()
        elif self._end is None and not self._connect():
            self._later(_RETRY_S, self._step)
        else:
            self._sign_in()

    def _sign_in(self) -> None:
        fields = {11: self._next_stan(), 41: self.name, 42: self.merchant, 63: "01 "}
        fields[60] = f"00{self.line.batch}003"
        self._signing = build(self._speech.dialect, "0800", fields, _HEADER)
        self._checkers.note("signs in", self.name, fields[11])
        assert self._end is not None
        self._end.send(frame(self._signing.raw))
        hangs_up = self._key is not None and self._rng.random() < HANGS_UP
        waits_s = self._rng.choice((0.0, 0.02, 0.2, 1.0)) if hangs_up else ANSWER_TIMEOUT_S
        self._later(waits_s, self._goes_on)

    def _goes_on(self) -> None:
        """No answer, or nobody waited for it: the keys that it has are good."""
        self._hang_up()
        self._wants_keys = False
        self._later(self._rng.uniform(0.1, 1.0), self._step)

    def _connect(self) -> bool:
        self._signing = None
        return super()._connect()

    def _heard(self, answer: Message) -> None:
        if answer.mti != _SIGNED_IN:
            self._wants_keys |= answer.get(39) in _SIGN_IN_FIRST
            if answer.get(39) == _WRONG_MAC:
                # A sign-in of its that was slow, on a connection left since, took its keys away: it
                # signs in anew.  Nobody can vouch for this answer, so it counts for none.
                self._lose(_WRONG_MAC)
            else:
                super()._heard(answer)
            return
        if self._signing is None or answer[11] != self._signing[11]:
            self._checkers.unasked(self, answer)
            return
        self._signing = None
        self._checkers.note("signed in", self.name, answer[39])
        if answer[39] == "00":
            keys = working_keys(TMK, answer[62].encode("latin-1"))
            self._key, self._wants_keys = MacKey("cup-ecb", keys.mak), False
            self._later(0.01, self._step)
        else:
            self._later(_RETRY_S, self._step)


class SigningWorld(World):
    """Everything of one seed of such a street."""

    draws_keys = False

    shops: ClassVar = (*SHOPS, *SIGNING_SHOPS)

    def configured(self, folder: Path) -> Config:
        """With a listener, a registry and keys for the shops that sign in."""
        plain = super().configured(folder)
        path = folder / "registry.toml"
        path.write_text(as_toml(_registry()), "utf-8")
        listener = Listener(
            name=LISTENER,
            dialect=POS,
            terminal_resolves_first=True,
            keys="working",
            mac=Mac(algorithm="cup-ecb"),
        )
        return msgspec.structs.replace(
            plain,
            listener=(*plain.listener, listener),
            registry=RegistryConfig(file=str(path)),
            keys=KeySettings(
                custody="software",
                kek=SecretSource(file=str(EXAMPLES / "sample.kek")),
                file=str(EXAMPLES / "street-keys.toml"),
            ),
        )

    def custody(self) -> SlowCustody:
        """Who keeps the keys."""
        return SlowCustody(self.agenda, self.chance.of("custody"))

    def terminal_of(self, line: Line) -> type[Terminal]:
        """What stands in this shop."""
        return SigningTerminal if line.listener == LISTENER else Terminal

    def _audit(self) -> Report:
        report = super()._audit()
        with Audit(self._config) as books:
            broken = books.log().broken
        report.violations += [f"the audit log: {broken}"] if broken else []
        return report


def _registry() -> Document:
    """Every terminal that there could be, so that it may be replaced."""
    merchants = [
        MerchantEntry(id=name, proof=Proof.CONFIRMATION, window_s=WINDOW_S)
        if confirms
        else MerchantEntry(id=name)
        for _, name, confirms, _ in SIGNING_SHOPS
    ]
    terminals = [
        TerminalEntry(merchant=each.id, id=f"T{n:07d}", key_names={"tmk": TMK_NAME})
        for each in merchants
        for n in range(1, TERMINALS_MAX + 1)
    ]
    return Document(merchant=tuple(merchants), terminal=tuple(terminals))
