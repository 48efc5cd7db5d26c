"""A street of registered terminals that sign in: a world with a directory, and keys on order."""

from __future__ import annotations

from typing import Any, Final

from codec import Message, build, dialect
from routing.effects import IssuedKeys
from routing.entries import MerchantEntry, TerminalEntry, TerminalState
from routing.findings import Finding
from routing.key_ring import KeyPlace, RingKey
from routing.registry import RegistrySettings
from routing.sign_in import Session, Till
from routing.sign_in_settings import SignInSettings
from tests.routing.world import BATCH, HEADER, ISO, MERCHANT, POS, TERMINAL, World

TILL: Final = Till(MERCHANT, TERMINAL)
OTHER: Final = Till(MERCHANT, "T0000002")
MASTER: Final = "wrapped TMK"
ISO_93: Final = "iso93-ascii"
SIGN_IN: Final = {POS: "003", ISO: "001", ISO_93: "801"}
SIGN_OFF: Final = {POS: "002", ISO: "002", ISO_93: "802"}
ECHO: Final = {POS: "301", ISO: "301", ISO_93: "831"}
KEY_CHANGE: Final = {ISO: "101", ISO_93: "811"}


class Street(World):
    """Two terminals of one merchant and one of another; keys are issued when a test says so."""

    def __init__(self, name: str = POS, **settings: Any) -> None:
        sign_in = settings.pop("sign_in", {})
        super().__init__(
            name,
            listener_settings={"keys": "working"} | sign_in,
            registry=RegistrySettings(required=True),
            **settings,
        )
        tills = (TILL, OTHER, Till("MERCHANT0000002", "T0000003"))
        self.switch.life.registry.load(
            [MerchantEntry(id=each) for each in sorted({till.merchant for till in tills})],
            [TerminalEntry(merchant=each.merchant, id=each.terminal) for each in tills],
            "",
            self.now,
        )
        for till in tills:
            for cipher in ("des", "sm4"):
                key = RingKey(f"{MASTER} {cipher} {till.key}", "", 0.0, "file")
                self.switch.keys.hang(KeyPlace("tmk", till.key, cipher), key, self.now)
        self.settle()
        self.journal.audit.clear()

    def puts(self, till: Till, state: TerminalState) -> None:
        """The registry has a terminal in another state."""
        entry = TerminalEntry(merchant=till.merchant, id=till.terminal, state=state)
        self.switch.life.registry.put(entry, None, "", self.now)
        self.settle()

    def issue(self, mak: str = "mak 1", block: bytes = bytes(40)) -> bool:
        """Whoever keeps the keys did the oldest work; whether the result was taken."""
        work = self.key_work.pop(0)
        taken = work.done(IssuedKeys(block, mak), self.now)
        self.settle()
        return taken

    def fail(self) -> None:
        """Whoever keeps the keys could not do the oldest work."""
        self.key_work.pop(0).done(None, self.now)
        self.settle()

    def signs_in(self, conn: int = 1, mak: str = "mak 1", **changes: Any) -> Message:
        """A terminal signs in and gets its keys: the answer."""
        self.says(conn, sign_in(self.name, **changes))
        self.issue(mak)
        return self.told[-1].message

    def session(self, till: Till = TILL) -> Session:
        """A terminal's session."""
        found = self.switch.terminals.sign_ins.session(till)
        assert found is not None
        return found

    def found(self, what: Finding) -> int:
        """How often something was found."""
        return self.switch.terminals.sign_ins.findings.counts[what]

    def audited(self, kind: str) -> list[Any]:
        """What the audit log has of this kind."""
        return [record for record in self.journal.audit if record.kind == kind]


def after_two_sales(rules: SignInSettings) -> Street:
    """A POS terminal signed in under these rules and sold twice; it has both answers."""
    street = Street(POS, sign_in={"sign_in": rules})
    street.signs_in()
    for stan in (1, 2):
        street.approved(stan)
        street.acknowledge(stan)
    return street


def management(name: str, code: str, mti: str = "0800", **changes: Any) -> Message:
    """A network management request of a terminal."""
    fields: dict[int, str] = {11: "000100", 41: TERMINAL, 42: MERCHANT}
    if name == POS:
        fields |= {60: "00" + changes.pop("batch", BATCH) + code, 63: "017"}
    elif name == ISO:
        fields |= {7: "1123171500", 70: code}
    else:
        mti = {"0800": "1804", "0820": "1820"}[mti]
        fields |= {7: "1123171500", 24: code}
    fields |= {int(key.removeprefix("de")): value for key, value in changes.items()}
    given = {de: value for de, value in fields.items() if value is not None}
    return build(dialect(name), mti, given, HEADER if name == POS else b"")


def sign_in(name: str = POS, code: str = "", **changes: Any) -> Message:
    """A sign-in."""
    return management(name, code or SIGN_IN[name], **changes)


def sign_off(name: str = POS, **changes: Any) -> Message:
    """A sign-off."""
    return management(name, SIGN_OFF[name], "0820" if name == POS else "0800", **changes)


def echo(name: str = POS, **changes: Any) -> Message:
    """An echo test."""
    return management(name, ECHO[name], "0820" if name == POS else "0800", **changes)
