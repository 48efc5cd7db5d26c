"""A terminal of each dialect: how it words its requests, and each byte of the answers it expects.

What only the gateway or the host knows (times, reference numbers, keys) is taken from where it was
made or checked by its form; everything else must be as the terminal works it out by itself.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, ClassVar, Final, Protocol

from codec import MacKey, Message, build, dialect, mac
from codec.keys import working_keys
from tests.day.bank import SPOKEN

if TYPE_CHECKING:
    from collections.abc import Mapping

    from codec.mac import Algorithm
    from tests.day.bank import DayBank

TMK: Final = bytes.fromhex("31313131313131313232323232323232")
MERCHANT: Final = "123456789012345"
PAN: Final = "6200000000000005"
_TIME: Final = re.compile(r"([01]\d|2[0-3])[0-5]\d[0-5]\d")
_DATE: Final = re.compile(r"(0[1-9]|1[0-2])([0-2]\d|3[01])")
_NO_INSTITUTIONS: Final = "0" * 22
_HEADER: Final = bytes.fromhex("6000030000602200000000")
_TRANSLATED: Final = (2, 3, 4, 14, 22, 23, 25, 35, 37, 38, 41, 42, 49)
_NOT_SHOWN: Final = (2, 35, 62)
_SECONDARY: Final = 64
"""Beyond this field a message has two bitmaps, and its MAC stands at the second one's end."""


class Line(Protocol):
    """A connection to the gateway."""

    async def ask(self, message: bytes) -> bytes:
        """Send a message and hear the next one."""
        ...

    async def say(self, message: bytes) -> None:
        """Send a message whose answer nobody waits for."""
        ...

    async def end(self) -> None:
        """Hang up."""
        ...


class Till(ABC):
    """One terminal; each method is one exchange, and checks the answer byte by byte."""

    name: ClassVar[str]
    algorithm: ClassVar[Algorithm]
    answer_header: ClassVar[bytes] = b""
    signs_in_by: ClassVar[str]
    keys_by: ClassVar[str]
    """The numbers of its sign-in and of its change of keys."""
    told_of: ClassVar[tuple[int, ...]]
    """Fields of the host's answer that an answer passes on."""
    echoed: ClassVar[tuple[int, ...]]
    """Fields of the request that an answer of the gateway's carries back."""

    def __init__(self, terminal: str, line: Line, bank: DayBank) -> None:
        self.terminal, self.line, self.bank = terminal, line, bank
        self.dialect = dialect(self.name)
        self.key: MacKey | None = None
        self.batch = 1
        self._as_sent: dict[str, Message] = {}
        """Requests as the host got them, by the numbers that they have here."""
        self._stan = 0
        self.transcript: list[tuple[bytes, bytes]] = []
        self.settles_bare = False
        """Whether it puts no MAC into batch settlement."""

    def has_mac(self, message: Message) -> bool:
        """Whether a message of its, and the answer, has a MAC."""
        bare = ("8", "3", "5") if self.settles_bare else ("8",)
        return message.mti[1] not in bare

    def next_stan(self) -> str:
        """The number of the next request."""
        self._stan += 1
        return f"{self._stan:06d}"

    # What it wants, by dialect

    @abstractmethod
    def management(self, code: str, **fields: str) -> Message:
        """A network management request."""

    @abstractmethod
    def sale(self, amount: int) -> Message:
        """A sale."""

    @abstractmethod
    def preauthorisation(self, amount: int) -> Message:
        """A hold on money."""

    @abstractmethod
    def completion(self, hold: Message, answer: Message, amount: int) -> Message:
        """The charge of what was held."""

    @abstractmethod
    def advice(self, hold: Message, answer: Message, amount: int) -> Message:
        """The word that what was held was taken: the goods are gone."""

    @abstractmethod
    def void(self, original: Message, answer: Message) -> Message:
        """The void of a sale."""

    @abstractmethod
    def refund(self, original: Message, answer: Message, amount: int) -> Message:
        """The refund of some of a sale."""

    @abstractmethod
    def reversal(self, original: Message) -> Message:
        """The reversal of a sale whose answer was not heard, or could not be used."""

    @abstractmethod
    def confirmation(self, original: Message) -> Message:
        """The word that a sale was served."""

    @abstractmethod
    def totals(self, debits: list[int], credits_: list[int]) -> Message:
        """The batch's totals."""

    @abstractmethod
    async def settles(self, totals: Message, *, balanced: bool) -> None:
        """The totals are answered with what came of comparing them."""

    @abstractmethod
    def upload(self, sales: list[Message]) -> list[Message]:
        """What the batch holds, and that this was all."""

    # Exchanges

    def worded(self, request: Message) -> Message:
        """The request with its MAC, where it has one."""
        sent = request.copy()
        if self.key is not None and self.has_mac(sent):
            mac.sign(sent, self.key)
        return sent

    async def says(self, request: Message) -> Message:
        """Send it and hear the answer."""
        sent = self.worded(request)
        raw = await self.line.ask(sent.raw)
        self.transcript.append((sent.raw, raw))
        return Message(raw, self.dialect)

    def expect(
        self,
        answer: Message,
        request: Message,
        fields: Mapping[int, str],
        *,
        signed: bool = True,
    ) -> None:
        """`answer` is this and nothing else, to the byte."""
        mti = request.mti[:2] + {"0": "1", "2": "3"}[request.mti[2]] + "0"
        wanted = build(self.dialect, mti, dict(fields), self.answer_header)
        if signed and self.has_mac(request) and self.key is not None:
            with_place_for_mac(wanted)
            mac.sign(wanted, self.key)
        assert answer.raw == wanted.raw, (told(answer), told(wanted))

    def clock(self, answer: Message) -> dict[int, str]:
        """DE 12 and 13, which must be a time and a date."""
        assert _TIME.fullmatch(answer[12])
        assert _DATE.fullmatch(answer[13])
        return {12: answer[12], 13: answer[13]}

    async def is_told(self, request: Message, code: str) -> None:
        """The gateway answers by itself, with this DE 39."""
        answer = await self.says(request)
        fields = request.pick(self.echoed) | self.own(answer) | {39: code}
        self.expect(answer, request, fields)

    @abstractmethod
    def own(self, answer: Message) -> dict[int, str]:
        """What the gateway adds to an answer of its own."""

    async def approved(self, request: Message) -> Message:
        """The host approves it: what it got and its answer, each as the other's dialect has it."""
        answer = await self.says(request)
        asked, theirs = self.bank.heard[-1]
        self._as_sent[request[11]] = asked
        wanted = build(SPOKEN, request.mti, self.at_host(request, asked))
        assert asked.raw == wanted.raw, (told(asked), told(wanted))
        fields = self.relayed(request, theirs, answer)
        self.expect(answer, request, fields)
        return answer

    @abstractmethod
    def at_host(self, request: Message, asked: Message) -> dict[int, str]:
        """A request as the host gets it."""

    def named(self, stan: str) -> dict[int, str]:
        """DE 90 for the original with this number, which the host knows by another."""
        asked = self._as_sent[stan]
        return {90: f"{asked.mti}{asked[11]}{asked[7]}{_NO_INSTITUTIONS}"}

    def relayed(self, request: Message, theirs: Message, answer: Message) -> dict[int, str]:
        """The host's answer as the terminal gets it."""
        return request.pick(self.echoed) | self.own(answer) | theirs.pick(self.told_of)

    # Signing in

    async def signs_in(self, code: str, **fields: str) -> Message:
        """Sign in, and use the keys from now on; the answer."""
        request = self.management(code, **fields)
        answer = await self.says(request)
        keys = self.unwrapped(answer)
        self.expect(answer, request, self.signed_in(request, answer), signed=False)
        self.key = MacKey(self.algorithm, keys)
        return answer

    @abstractmethod
    def signed_in(self, request: Message, answer: Message) -> dict[int, str]:
        """The answer to a sign-in."""

    def unwrapped(self, answer: Message) -> bytes:
        """The MAC key of DE 62, after its check value was checked."""
        field = answer[62]
        block = field.encode("latin-1") if self.name == "unionpay-pos" else bytes.fromhex(field)
        return bytes(working_keys(TMK, block).mak)

    def managed(self, request: Message, answer: Message) -> dict[int, str]:
        """The answer to other network management."""
        assert answer[37].endswith(request[11])
        return request.pick(self.echoed) | self.clock(answer) | {37: answer[37], 39: "00"}


def with_place_for_mac(message: Message) -> None:
    """Give a message the field where its MAC stands."""
    two = any(message.has(de) for de in range(_SECONDARY + 1, 129))
    message.patch(128 if two else _SECONDARY, "0" * 16)


def told(message: Message) -> tuple[str, str, dict[int, str]]:
    """A message for people."""
    held = [de for de in range(2, 129) if message.has(de)]
    shown = {de: "…" if de in _NOT_SHOWN else message[de] for de in held}
    return message.header.hex(), message.mti, shown


class PosTill(Till):
    """The POS dialect."""

    name = "unionpay-pos"
    algorithm = "cup-ecb"
    signs_in_by, keys_by = "003", "004"
    told_of = (4, 12, 13, 14, 15, 23, 26, 32, 37, 38, 39, 49, 54)
    echoed = (2, 3, 4, 11, 25, 41, 42, 49, 60)
    answer_header = bytes.fromhex("6000000003602200000000")

    def own(self, answer: Message) -> dict[int, str]:
        return self.clock(answer)

    def _build(self, mti: str, fields: dict[int, str], kind: str, code: str = "000") -> Message:
        common = {41: self.terminal, 42: MERCHANT, 60: f"{kind}{self.batch:06d}{code}"}
        if mti[1] in "124":
            common |= {49: "156"}
        made = build(self.dialect, mti, common | fields, _HEADER)
        if self.has_mac(made):
            with_place_for_mac(made)
        return made

    def management(self, code: str, **fields: str) -> Message:
        said = {int(key.removeprefix("de")): value for key, value in fields.items()}
        mti = "0820" if code in ("002", "301", "362", "372") else "0800"
        return self._build(mti, {11: self.next_stan(), 63: "01 "} | said, "00", code)

    def _asks(self, amount: int, **more: str) -> dict[int, str]:
        fields = {2: PAN, 3: "000000", 4: f"{amount:012d}", 11: self.next_stan(), 22: "051"}
        fields |= {14: "2912", 25: "00", 35: f"{PAN}=29122010000000000000"}
        return fields | {int(key.removeprefix("de")): value for key, value in more.items()}

    def sale(self, amount: int) -> Message:
        return self._build("0200", self._asks(amount), "22")

    def preauthorisation(self, amount: int) -> Message:
        return self._build("0100", self._asks(amount, de3="030000", de25="06"), "10")

    def _original(self, original: Message) -> str:
        return original["60.2"] + original[11] + "1123"

    def completion(self, hold: Message, answer: Message, amount: int) -> Message:
        return self._build("0200", self._completes(hold, answer, amount), "20")

    def advice(self, hold: Message, answer: Message, amount: int) -> Message:
        return self._build("0220", self._completes(hold, answer, amount), "24")

    def _completes(self, hold: Message, answer: Message, amount: int) -> dict[int, str]:
        more = {"de25": "06", "de38": answer[38], "de61": self._original(hold)}
        return self._asks(amount, **more)

    def void(self, original: Message, answer: Message) -> Message:
        more = {"de3": "200000", "de37": answer[37], "de38": answer[38]}
        more |= {"de61": self._original(original)}
        return self._build("0200", self._asks(int(original[4]), **more), "23")

    def refund(self, original: Message, answer: Message, amount: int) -> Message:
        more = {"de3": "200000", "de37": answer[37], "de61": self._original(original)}
        return self._build("0220", self._asks(amount, **more), "25")

    def reversal(self, original: Message) -> Message:
        fields = original.pick((2, 3, 4, 11, 14, 22, 25, 49)) | {39: "98"}
        return self._build("0400", fields, original["60.1"])

    def confirmation(self, original: Message) -> Message:
        fields = original.pick((3, 4, 25)) | {11: self.next_stan()}
        return self._build("0220", fields | {61: original["60.2"] + original[11]}, "80")

    def totals(self, debits: list[int], credits_: list[int]) -> Message:
        said = f"{sum(debits):012d}{len(debits):03d}{sum(credits_):012d}{len(credits_):03d}0"
        fields = {11: self.next_stan(), 48: said + "0" * 31, 49: "156", 63: "01 "}
        return self._build("0500", fields, "00", "201")

    async def settles(self, totals: Message, *, balanced: bool) -> None:
        answer, digits, result = await self.says(totals), totals[48], "1" if balanced else "2"
        digits = digits[:30] + result + digits[31:61] + result
        fields = totals.pick(self.echoed) | self.clock(answer) | {39: "00", 48: digits}
        self.expect(answer, totals, fields)
        if balanced:
            # The end is told whether or not there was something to tell before it.
            end = self._build("0320", {11: self.next_stan(), 48: "0000"}, "00", "207")
            await self.is_told(end, "00")

    def upload(self, sales: list[Message]) -> list[Message]:
        each = "".join(f"00{sale[11]}{PAN:0>20}{sale[4]}" for sale in sales)
        said = (("201", f"{len(sales):02d}{each}"), ("202", f"{len(sales):04d}"))
        return [
            self._build("0320", {11: self.next_stan(), 48: digits}, "00", code)
            for code, digits in said
        ]

    def at_host(self, request: Message, asked: Message) -> dict[int, str]:
        fields = request.pick(_TRANSLATED) | self.clock(asked) | {7: asked[7], 11: asked[11]}
        assert _DATE.fullmatch(asked[7][:4])
        assert _TIME.fullmatch(asked[7][4:])
        if request["60.1"] == "23":
            fields[3] = "02" + request[3][2:]
        if request["60.1"] in ("20", "23", "24", "25"):
            fields |= self.named(request["61.2"])
        return fields

    def signed_in(self, request: Message, answer: Message) -> dict[int, str]:
        self.batch = int(answer["60.2"])
        number = request[60][:2] + f"{self.batch:06d}" + request[60][8:]
        fields = self.managed(request, answer) | {32: "00000000", 62: answer[62]}
        return fields | {60: number}


class IsoTill(Till):
    """ISO 8583:1987."""

    name = "iso87-ascii"
    algorithm = "x9.19"
    signs_in_by, keys_by = "001", "101"
    told_of = (3, 4, 7, 11, 12, 13, 15, 25, 37, 38, 39, 41, 42, 49, 90)
    echoed = (2, 3, 4, 7, 11, 12, 13, 25, 41, 42, 49, 70, 90)

    def own(self, answer: Message) -> dict[int, str]:
        del answer
        return {}

    def _build(self, mti: str, fields: dict[int, str]) -> Message:
        stan = self.next_stan()
        common = {7: f"1123{stan}", 11: stan, 41: self.terminal, 42: MERCHANT}
        made = build(self.dialect, mti, common | fields)
        if self.has_mac(made):
            with_place_for_mac(made)
        return made

    def management(self, code: str, **fields: str) -> Message:
        said = {int(key.removeprefix("de")): value for key, value in fields.items()}
        return self._build("0800", {70: code} | said)

    def _asks(self, amount: int, **more: str) -> dict[int, str]:
        fields = {2: PAN, 3: "000000", 4: f"{amount:012d}", 12: "171500", 13: "1123", 22: "051"}
        fields |= {14: "2912", 25: "00", 35: f"{PAN}=29122010000000000000", 49: "156"}
        return fields | {int(key.removeprefix("de")): value for key, value in more.items()}

    def sale(self, amount: int) -> Message:
        return self._build("0200", self._asks(amount))

    def preauthorisation(self, amount: int) -> Message:
        return self._build("0100", self._asks(amount, de25="06"))

    def _original(self, original: Message) -> str:
        return f"{original.mti}{original[11]}{original[7]}{_NO_INSTITUTIONS}"

    def completion(self, hold: Message, answer: Message, amount: int) -> Message:
        return self._build("0200", self._completes(hold, answer, amount))

    def advice(self, hold: Message, answer: Message, amount: int) -> Message:
        return self._build("0220", self._completes(hold, answer, amount))

    def _completes(self, hold: Message, answer: Message, amount: int) -> dict[int, str]:
        more = {"de25": "06", "de38": answer[38], "de90": self._original(hold)}
        return self._asks(amount, **more)

    def void(self, original: Message, answer: Message) -> Message:
        del answer
        more = {"de3": "020000", "de90": self._original(original)}
        return self._build("0200", self._asks(int(original[4]), **more))

    def refund(self, original: Message, answer: Message, amount: int) -> Message:
        del answer
        more = {"de3": "200000", "de90": self._original(original)}
        return self._build("0220", self._asks(amount, **more))

    def reversal(self, original: Message) -> Message:
        fields = original.pick((2, 3, 4, 12, 13, 14, 22, 25, 49)) | {39: "68"}
        return self._build("0400", fields | {90: self._original(original)})

    def confirmation(self, original: Message) -> Message:
        fields = original.pick((3, 4, 12, 13, 25, 49)) | {60: "SERVED"}
        return self._build("0220", fields | {90: self._original(original)})

    def totals(self, debits: list[int], credits_: list[int]) -> Message:
        return self._totals("920000", debits, credits_)

    def _totals(self, code: str, debits: list[int], credits_: list[int]) -> Message:
        digits = "".join(f"{len(each):03d}{sum(each):012d}" for each in (debits, credits_))
        fields = {3: code, 60: f"{self.batch:06d}", 63: digits + "0" * 60}
        return self._build("0500", fields)

    async def settles(self, totals: Message, *, balanced: bool) -> None:
        await self.is_told(totals, "00" if balanced else "95")

    def upload(self, sales: list[Message]) -> list[Message]:
        each = [
            self._build("0320", {3: "000000", 4: sale[4], 60: f"0200{sale[11]}" + " " * 12})
            for sale in sales
        ]
        return [*each, self._totals("960000", [int(sale[4]) for sale in sales], [])]

    def relayed(self, request: Message, theirs: Message, answer: Message) -> dict[int, str]:
        del answer
        fields = theirs.pick(self.told_of) | request.pick((7, 11))
        return fields | request.pick((90,))

    def at_host(self, request: Message, asked: Message) -> dict[int, str]:
        fields = request.pick(tuple(range(2, _SECONDARY))) | {11: asked[11]}
        return fields | (self.named(request[90][4:10]) if request.has(90) else {})

    def signed_in(self, request: Message, answer: Message) -> dict[int, str]:
        self.batch = int(answer[60])
        fields = self.managed(request, answer) | {32: "00000000", 62: answer[62]}
        return fields | {60: f"{self.batch:06d}"}
