"""The day itself, from power-on to sign-off; each step is an exchange that a till checks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.day.tills import IsoTill, PosTill

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from codec import Message
    from tests.day.tills import Till

    Pause = Callable[[], Awaitable[None]]
    """Waits until everything that was decided has come to rest."""


async def day(till: Till, rests: Pause) -> None:
    """All of it, in the till's dialect."""
    await power_on(till)
    await trade(till, rests)
    await undo(till, rests)
    if isinstance(till, PosTill):
        await settle(till, rests)
    await go_home(till)


async def power_on(till: Till) -> None:
    """Echo; nothing is sold before the sign-in; then the keys."""
    echo = till.management("301")
    answer = await till.says(echo)
    till.expect(answer, echo, till.managed(echo, answer), signed=False)
    await till.is_told(till.sale(100), "77")
    await till.signs_in("003" if isinstance(till, PosTill) else "001")


async def trade(till: Till, rests: Pause) -> None:
    """Sales, a preauthorisation and its completion, new keys in between."""
    for amount in (1_000, 2_500):
        await till.approved(till.sale(amount))
    hold = till.preauthorisation(9_000)
    held = await till.approved(hold)
    await till.signs_in("004" if isinstance(till, PosTill) else "101")
    await till.approved(till.completion(hold, held, 8_400))
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


async def settle(till: PosTill, rests: Pause) -> None:
    """A batch that balances, and the next one, which does not until it was uploaded."""
    balanced = till.totals([1_000, 2_500, 8_400, 700, 800], [700, 300])
    await settles(till, balanced, "1")
    await till.is_told(till.sale(100), "77")
    await till.signs_in("003")
    assert till.batch == 2
    kept, forgotten = till.sale(1_100), till.sale(1_200)
    for each in (kept, forgotten):
        await till.approved(each)
    await rests()
    await settles(till, till.totals([1_100], []), "2")
    for request in (till.upload([kept]), till.end_of_upload(1)):
        await till.is_told(request, "00")
    await rests()
    await till.signs_in("003")
    assert till.batch == 3


async def settles(till: PosTill, totals: Message, result: str) -> None:
    """The totals are answered with what came of comparing them."""
    answer = await till.says(totals)
    digits = totals[48]
    digits = digits[:30] + result + digits[31:61] + result
    fields = totals.pick(till.echoed) | till.clock(answer) | {39: "00", 48: digits}
    till.expect(answer, totals, fields)


async def go_home(till: Till) -> None:
    """Sign off: never refused, and nothing is sold after it."""
    request = till.management("002")
    answer = await till.says(request)
    till.expect(answer, request, till.managed(request, answer), signed=False)
    await till.is_told(till.sale(100), "77")


TILLS = {"unionpay-pos": PosTill, "iso87-ascii": IsoTill}
