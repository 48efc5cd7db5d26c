"""A merchant's day in each dialect, message by message: what the terminal, the gateway and the host
say, and what each of them must think of it.

`python -m tests.gateway.merchants_day` plays both and writes down every byte, in `days/`; a change
of those files is a change of what terminals and hosts see.
"""

from __future__ import annotations

import os
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

import trio

from codec import Message, build, dialect
from routing.charge import State
from tests.gateway.day_stage import MERCHANT, TERMINAL, Day, day
from tests.routing.world import answer

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

DAYS: Final = Path(__file__).parent / "days"
POS: Final = "unionpay-pos"
ISO: Final = "iso87-ascii"
CARD: Final = "6229990000000016"
HEADER: Final = bytes.fromhex("6000030000602200000000")
RIDS: Final = ("9F0605A0000003339F220103", "9F0605A0000003339F220104")
CONFIG: Final = """
[[listener]]
name = "street"
dialect = "{dialect}"
keys = "working"
mac = {{algorithm = "{algorithm}"}}
terminal_resolves_first = true
[[host]]
name = "bank"
echo_idle_s = 0
[service]
delivery_proof_s = 30
[reversal]
schedule_s = [0, 0.1]
[registry]
required = true
[keys]
custody = "software"
[[parameters]]
name = "ca-keys"
version = 3
items = [
    {{name = "9F0605A0000003339F220103", hex = "9F0605A0000003339F220103DF0403000003"}},
    {{name = "9F0605A0000003339F220104", hex = "9F0605A0000003339F220104DF0403000003"}},
]
[[parameters]]
name = "parameters"
version = 1
items = [{{text = "12601303"}}, {{text = "22BAKERY"}}, {{text = "2333"}}]
"""


class Pos:
    """The messages of a POS terminal."""

    def __init__(self) -> None:
        self.stan = 0
        self.batch = "000001"

    def asks(self, mti: str, sixty: str, fields: dict[int, str], *, money: bool = False) -> Message:
        """A request; `sixty` is DE 60's type and what follows the batch."""
        self.stan += 1
        common = {11: f"{self.stan:06d}", 41: TERMINAL, 42: MERCHANT}
        common[60] = sixty[:2] + self.batch + sixty[2:]
        if money:
            common |= {2: CARD, 14: "3012", 22: "021", 25: "00", 49: "156"}
        return build(dialect(POS), mti, common | fields, HEADER)

    def manages(self, mti: str, code: str, **fields: str) -> Message:
        """Network management."""
        more = {int(key[2:]): value for key, value in fields.items()}
        return self.asks(mti, "00" + code, more)

    def sale(self, amount: int) -> Message:
        """A sale."""
        track = f"{CARD}=30121010000000000000"
        fields = {3: "000000", 4: f"{amount:012d}", 35: track}
        return self.asks("0200", "22000", fields, money=True)

    def about(self, original: Message, mti: str, kind: str, amount: int, **more: str) -> Message:
        """A message that names an original in DE 61."""
        fields = {4: f"{amount:012d}", 61: original["60.2"] + original[11]}
        fields |= {int(key[2:]): value for key, value in more.items()}
        return self.asks(mti, kind + "000", fields, money=True)

    def totals(self, debits: int, count: int, credits_: int, credit_count: int) -> Message:
        """The totals of the batch."""
        block = f"{debits:012d}{count:03d}{credits_:012d}{credit_count:03d}0"
        return self.asks("0500", "00201", {48: block + "0" * 31, 63: "017"})


def digit(message: Message) -> str:
    """What the header of an answer asks for."""
    return message.header.hex()[15]


async def _through(day: Day, request: Message, code: str = "00") -> Message:
    """A request that goes to the host, and its answer."""
    await day.till.says(request)
    at_host = await day.host.hears()
    await day.host.says(answer(at_host, code))
    told = await day.till.hears()
    day.passes(7)
    return told


async def _undone(day: Day) -> Message:
    """A reversal that the gateway sends by itself, and that the host accepts."""
    at_host = await day.host.hears()
    assert at_host.mti[1:3] == "42"
    await day.host.says(answer(at_host))
    return at_host


def _clock_is_right(told: Message, day: Day) -> None:
    local = day.clock.now().local()
    assert (told[12], told[13]) == (f"{local:%H%M%S}", f"{local:%m%d}")


async def _pos_signs_in(day: Day, pos: Pos, code: str) -> Message:
    told = await day.till.asks(pos.manages("0800", code, de63="017"))
    assert told[39] == "00"
    _clock_is_right(told, day)
    day.till.unwraps(told[62].encode("latin-1"))
    pos.batch = told["60.2"]
    return told


async def pos_day(day: Day) -> None:
    """The day of a POS terminal, in front of an ISO 8583:1987 host."""
    till, pos = day.till, Pos()
    await _pos_opens(day, pos)
    first = await _pos_sells(day, pos)
    day.says("settlement: the totals are the journal's")
    told = await till.asks(pos.totals(9_900, 4, 2_250, 2))
    assert (told[39], told["48.5"], told["48.10"]) == ("00", "1", "1")
    day.passes(3)
    day.says("a sale in the batch that was closed: sign in first")
    assert (await till.asks(pos.sale(1_000)))[39] == "77"
    day.says("sign-in again, with a track key: the next batch")
    told = await _pos_signs_in(day, pos, "004")
    assert (len(told[62]), told["60.2"]) == (60, "000002")
    day.says("two sales; then totals of which one is missing")
    second = pos.sale(3_000)
    assert (await _through(day, second))[39] == "00"
    third = pos.sale(4_000)
    assert (await _through(day, third))[39] == "00"
    told = await till.asks(pos.totals(3_000, 1, 0, 0))
    assert (told[39], told["48.5"]) == ("00", "2")
    day.says("the upload of what the terminal holds; what it does not hold is reversed")
    sale = f"00{second[11]}{CARD:0>20}{3_000:012d}"
    assert (await till.asks(pos.asks("0320", "00201", {48: "01" + sale})))[39] == "00"
    await till.says(pos.asks("0320", "00202", {48: "0001"}))
    assert (await till.hears())[39] == "00"
    assert (await _undone(day))[4] == third[4]
    day.says("sign-off")
    assert (await till.asks(pos.manages("0820", "002")))[39] == "00"
    assert (await till.asks(pos.sale(1_000)))[39] == "77"
    assert first.has(11)


async def _pos_opens(day: Day, pos: Pos) -> None:
    till = day.till
    day.says("power-on: an echo, and a sale that comes too early")
    assert (await till.asks(pos.manages("0820", "301")))[39] == "00"
    assert (await till.asks(pos.sale(1_000)))[39] == "77"
    day.says("sign-in: keys of double length, the time, the batch; parameters are due")
    told = await _pos_signs_in(day, pos, "003")
    assert (len(told[62]), told["60.2"], digit(told)) == (40, "000001", "1")
    day.says("how the device is; its parameters, and the end of them; then public keys are due")
    assert (await till.asks(pos.manages("0820", "362", de62="011021031041051")))[39] == "00"
    told = await till.asks(pos.manages("0800", "360"))
    assert told[62] == "1260130322BAKERY2333"
    assert digit(await till.asks(pos.manages("0800", "361"))) == "4"
    day.says("download of public keys: which there are, each, the end")
    told = await till.asks(pos.manages("0820", "372", de62="100"))
    assert told[62].encode("latin-1") == b"1" + bytes.fromhex("".join(RIDS))
    for rid in RIDS:
        name = bytes.fromhex(rid).decode("latin-1")
        told = await till.asks(pos.manages("0800", "370", de62=name))
        assert told[62].encode("latin-1").hex().upper() == f"31{rid}DF0403000003"
    assert digit(await till.asks(pos.manages("0800", "371"))) == "0"
    day.passes(60)


async def _pos_sells(day: Day, pos: Pos) -> Message:
    till = day.till
    day.says("a sale")
    first = pos.sale(5_000)
    assert (await _through(day, first))[39] == "00"
    day.says("a sale, and its void")
    wrong = pos.sale(1_250)
    assert (await _through(day, wrong))[39] == "00"
    void = pos.about(wrong, "0200", "23", 1_250, de3="200000")
    assert (await _through(day, void))[39] == "00"
    day.says("a refund of some of the first sale")
    refund = pos.about(first, "0220", "25", 1_000, de3="200000")
    assert (await _through(day, refund))[39] == "00"
    day.says("a preauthorisation, and its completion for less")
    held = pos.asks("0100", "10000", {3: "030000", 4: f"{4_000:012d}", 25: "06"}, money=True)
    told = await _through(day, held)
    assert told[39] == "00"
    done = pos.about(held, "0200", "20", 2_400, de3="000000", de25="06", de38=told[38])
    assert (await _through(day, done))[39] == "00"
    day.says("a sale that the host declines")
    assert (await _through(day, pos.sale(99_999), "51"))[39] == "51"
    day.says("a sale whose answer the terminal could not use: it reverses")
    lost = pos.sale(1_700)
    assert (await _through(day, lost))[39] == "00"
    fields = {de: lost[de] for de in (2, 3, 4, 11, 14, 22, 25, 41, 42, 49, 60)} | {39: "96"}
    await till.says(build(dialect(POS), "0400", fields, HEADER))
    assert (await till.hears())[39] == "00"
    assert (await _undone(day))[4] == lost[4]
    day.says("a message whose MAC is wrong: refused, and nobody is signed out")
    forged = pos.sale(1_234)
    key, till.key = till.key, None
    forged.patch(64, "0123456789ABCDEF")
    await till.says(forged)
    till.key = key
    assert (await till.hears())[39] == "A0"
    last = pos.sale(1_250)
    assert (await _through(day, last))[39] == "00"
    await day.until(lambda: _state(day, lost) is State.REVERSED)
    return first


class Iso:
    """The messages of a terminal of the 1987 edition."""

    def __init__(self, day: Day) -> None:
        self._day = day
        self.stan = 0
        self.batch = ""

    def asks(self, mti: str, fields: dict[int, str], *, money: bool = False) -> Message:
        """A request, at the time of the day's clock."""
        self.stan += 1
        local = self._day.clock.now().local()
        common = {7: f"{self._day.clock.now().utc():%m%d%H%M%S}", 11: f"{self.stan:06d}"}
        common |= {12: f"{local:%H%M%S}", 13: f"{local:%m%d}", 41: TERMINAL, 42: MERCHANT}
        if money:
            common |= {2: CARD, 3: "000000", 22: "021", 25: "00", 49: "156"}
        return build(dialect(ISO), mti, common | fields)

    def manages(self, code: str) -> Message:
        """Network management."""
        return self.asks("0800", {70: code})

    def sale(self, amount: int, **more: str) -> Message:
        """A sale."""
        fields = {4: f"{amount:012d}", 35: f"{CARD}=30121010000000000000"}
        fields |= {int(key[2:]): value for key, value in more.items()}
        return self.asks("0200", fields, money=True)

    def about(self, original: Message, mti: str, amount: int, **more: str) -> Message:
        """A message that names an original in DE 90."""
        fields = {4: f"{amount:012d}", 90: f"{original.mti}{original[11]}{original[7]}" + "0" * 22}
        fields |= {int(key[2:]): value for key, value in more.items()}
        return self.asks(mti, fields, money=True)

    def totals(self, de3: str, sales: tuple[int, int], refunds: tuple[int, int]) -> Message:
        """The totals of the batch, counts and amounts."""
        digits = "".join(f"{count:03d}{amount:012d}" for count, amount in (sales, refunds))
        return self.asks("0500", {3: de3, 60: self.batch, 63: digits + "0" * 60})


async def _iso_signs_in(day: Day, iso: Iso, code: str) -> Message:
    told = await day.till.asks(iso.manages(code))
    assert told[39] == "00"
    _clock_is_right(told, day)
    day.till.unwraps(bytes.fromhex(told[62]))
    iso.batch = told[60]
    return told


async def iso_day(day: Day) -> None:
    """The day of a terminal of the 1987 edition, in front of a host of the same."""
    till, iso = day.till, Iso(day)
    day.says("power-on: an echo, and a sale that comes too early")
    assert (await till.asks(iso.manages("301")))[39] == "00"
    assert (await till.asks(iso.sale(1_000)))[39] == "77"
    day.says("sign-on: keys, the time, the batch")
    assert (await _iso_signs_in(day, iso, "001"))[60] == "000001"
    await _iso_sells(day, iso)
    day.says("settlement: the totals are the journal's; said again, the same")
    closed = iso.totals("920000", (4, 9_900), (2, 2_250))
    for _ in range(2):
        assert (await till.asks(closed.copy()))[39] == "00"
    day.says("sign-on again: the next batch")
    assert (await _iso_signs_in(day, iso, "001"))[60] == "000002"
    day.says("two sales; then totals of which one is missing")
    second, third = iso.sale(3_000), iso.sale(4_000)
    assert (await _through(day, second))[39] == "00"
    assert (await _through(day, third))[39] == "00"
    assert (await till.asks(iso.totals("920000", (1, 3_000), (0, 0))))[39] == "95"
    day.says("the upload of what the terminal holds; what it does not hold is reversed")
    held = {3: second[3], 4: second[4], 60: f"{second.mti}{second[11]}" + " " * 12}
    assert (await till.asks(iso.asks("0320", held)))[39] == "00"
    assert (await till.asks(iso.totals("960000", (1, 3_000), (0, 0))))[39] == "00"
    assert (await _undone(day))[4] == third[4]
    day.says("sign-off")
    assert (await till.asks(iso.manages("002")))[39] == "00"
    assert (await till.asks(iso.sale(1_000)))[39] == "77"


async def _iso_sells(day: Day, iso: Iso) -> None:
    till = day.till
    day.says("a sale; its repeat has the same answer")
    first = iso.sale(5_000)
    told = await _through(day, first)
    again = first.copy()
    again.set_mti("0201")
    assert (await till.asks(again))[37] == told[37]
    day.says("a key change: the old key is good until the new one was used")
    old = till.key
    await _iso_signs_in(day, iso, "101")
    new, till.key = till.key, old
    assert (await _through(day, iso.sale(1_250)))[39] == "00"
    till.key = new
    day.says("a sale under the new key, and its void; then the old key is none any more")
    wrong = iso.sale(1_250)
    assert (await _through(day, wrong))[39] == "00"
    assert (await _through(day, iso.about(wrong, "0200", 1_250, de3="020000")))[39] == "00"
    till.key = old
    await till.says(iso.sale(1_000))
    till.key = new
    assert (await till.hears())[39] == "A0"
    day.says("a refund of some of the first sale")
    assert (await _through(day, iso.about(first, "0220", 1_000, de3="200000")))[39] == "00"
    day.says("a preauthorisation, and its completion for less")
    held = iso.asks("0100", {4: f"{4_000:012d}", 25: "06"}, money=True)
    told = await _through(day, held)
    done = iso.sale(2_400, de25="06", de38=told[38])
    assert (await _through(day, done))[39] == "00"
    day.says("a sale that the host declines, and one that the terminal reverses")
    assert (await _through(day, iso.sale(99_999), "51"))[39] == "51"
    lost = iso.sale(1_700)
    assert (await _through(day, lost))[39] == "00"
    assert (await till.asks(iso.about(lost, "0400", 1_700, de39="96")))[39] == "00"
    assert (await _undone(day))[4] == lost[4]
    await day.until(lambda: _state(day, lost) is State.REVERSED)


def _state(day: Day, sale: Message) -> State:
    book = day.switch.life.book
    return next(each.state for each in book.newest() if each.stan == sale[11])


PLAYED: Final[dict[str, tuple[str, Callable[[Day], Awaitable[None]]]]] = {
    POS: ("cup-ecb", pos_day),
    ISO: ("x9.19", iso_day),
}


async def played(name: str, folder: Path) -> str:
    """Play a day; what passed over the wires, a line for each message."""
    algorithm, script = PLAYED[name]
    text = CONFIG.format(dialect=name, algorithm=algorithm)
    async with day(folder, text, algorithm) as stage:
        await script(stage)
        return "\n".join(stage.lines).lstrip() + "\n"


def main() -> None:
    """Write all days down anew."""
    os.environ["TZ"] = "UTC"
    time.tzset()
    DAYS.mkdir(exist_ok=True)
    for name in PLAYED:
        with tempfile.TemporaryDirectory() as folder:
            text = trio.run(played, name, Path(folder))
        (DAYS / f"{name}.txt").write_text(text)


if __name__ == "__main__":
    main()
