"""The day itself, from power-on to sign-off; each step is an exchange that a till checks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from tests.day.bank import SETTLED_ON
from tests.day.tills import IsoTill, PosTill

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from tests.day.bank import DayBank
    from tests.day.tills import Line, Till

    Pause = Callable[[], Awaitable[None]]
    """Waits until everything that was decided has come to rest."""


class Town(Protocol):
    """Where a day takes place."""

    bank: DayBank

    async def plain(self) -> Line:
        """A terminal connects."""
        ...

    async def rests(self) -> None:
        """Return once no charge waits for its delivery, and no reversal for its answer."""
        ...

    async def until(self, true: Callable[[], object]) -> None:
        """Return once something is so."""
        ...

    async def kill(self) -> None:
        """Kill the gateway, and return when its next life is ready."""
        ...


async def day(till: Till, rests: Pause) -> None:
    """All of it, in the till's dialect."""
    await power_on(till)
    await trade(till, rests)
    await undo(till, rests)
    await settle(till, rests)
    await go_home(till)


async def power_on(till: Till) -> None:
    """Echo; nothing is sold before the sign-in; then the keys."""
    echo = till.management("301")
    answer = await till.says(echo)
    till.expect(answer, echo, till.managed(echo, answer), signed=False)
    await till.is_told(till.sale(100), "77")
    await till.signs_in(till.signs_in_by)


async def trade(till: Till, rests: Pause) -> None:
    """Sales, preauthorisations and their completions, new keys in between."""
    for amount in (1_000, 2_500):
        await till.approved(till.sale(amount))
    hold = till.preauthorisation(9_000)
    held = await till.approved(hold)
    await till.signs_in(till.keys_by)
    await till.approved(till.completion(hold, held, 8_400))
    hold = till.preauthorisation(3_000)
    held = await till.approved(hold)
    await till.approved(till.advice(hold, held, 2_900))
    await rests()


async def undo(till: Till, rests: Pause) -> None:
    """A void, a refund, and a reversal of a sale whose answer the terminal could not use."""
    first, second = till.sale(700), till.sale(800)
    answers = [await till.approved(each) for each in (first, second)]
    await rests()
    await till.approved(till.void(first, answers[0]))
    await till.approved(till.refund(second, answers[1], 300))
    lost = till.sale(600)
    await till.approved(lost)
    await till.is_told(till.reversal(lost), "00")
    await rests()


async def settle(till: Till, rests: Pause) -> None:
    """A batch that balances, and the next one, which does not until it was uploaded."""
    totals = till.totals([1_000, 2_500, 8_400, 2_900, 700, 800], [700, 300])
    await till.settles(totals, balanced=True)
    if isinstance(till, PosTill):
        # Its messages say in which batch they are.
        await till.is_told(till.sale(100), "77")
    await till.signs_in(till.signs_in_by)
    assert till.batch == 2
    kept, forgotten = till.sale(1_100), till.sale(1_200)
    for each in (kept, forgotten):
        await till.approved(each)
    await rests()
    await till.settles(till.totals([1_100], []), balanced=False)
    for request in till.upload([kept]):
        await till.is_told(request, "00")
    await rests()
    await till.signs_in(till.signs_in_by)
    assert till.batch == 3


async def go_home(till: Till) -> None:
    """Sign off: never refused, and nothing is sold after it."""
    request = till.management("002")
    answer = await till.says(request)
    till.expect(answer, request, till.managed(request, answer), signed=False)
    await till.is_told(till.sale(100), "77")


async def trouble(town: Town, dialect: str) -> Till:
    """A day on which everything fails once: cut-over and key changes in the middle of it."""
    bank = town.bank
    till: Till = TILLS[dialect]("10000001", await town.plain(), bank)
    await power_on(till)
    await till.approved(till.sale(1_000))
    await cut_over(till, town)
    bank.silences = 1
    await till.is_told(till.sale(600), "98" if isinstance(till, PosTill) else "68")
    await town.rests()
    # New keys, and nobody hears the answer: the terminal goes on with those it has.
    await till.line.say(till.worded(till.management(till.keys_by)).raw)
    await hangs_up(till, town)
    await till.approved(till.sale(1_300))
    await town.rests()
    # The session, and with it the key, outlives a kill.
    await town.kill()
    await hangs_up(till, town)
    await till.approved(till.sale(1_400))
    await killed_in_a_sale(till, town)
    await till.signs_in(till.keys_by)
    await till.approved(till.sale(1_600))
    await town.rests()
    totals = till.totals([1_000, 1_200, 1_300, 1_400, 1_600], [])
    await till.settles(totals, balanced=True)
    till.batch += 1
    await go_home(till)
    await till.line.end()
    return till


async def cut_over(till: Till, town: Town) -> None:
    """Between the two messages of the host's nothing new is taken."""
    for code, fields in (("201", {}), ("202", {"de15": SETTLED_ON})):
        heard = len(town.bank.managed)
        town.bank.announce(code, **fields)
        await town.until(lambda heard=heard: len(town.bank.managed) > heard)  # type: ignore[misc]
        if code == "201":
            await till.is_told(till.sale(500), "90")
    await till.approved(till.sale(1_200))


async def hangs_up(till: Till, town: Town) -> None:
    """The terminal connects anew."""
    await till.line.end()
    till.line = await town.plain()


async def killed_in_a_sale(till: Till, town: Town) -> None:
    """What was at the host when the gateway died is reversed, and the terminal is told no."""
    heard, town.bank.silences = len(town.bank.heard), 1
    lost = till.sale(1_500)
    await till.line.say(till.worded(lost).raw)
    await town.until(lambda: len(town.bank.heard) > heard)
    await town.kill()
    await hangs_up(till, town)
    await town.rests()
    again = await till.says(lost)
    assert again[39] not in ("00", "10")


TILLS = {"unionpay-pos": PosTill, "iso87-ascii": IsoTill}
