"""Batch settlement: what a terminal holds of its batch, held against this journal.

Rule 1.  A terminal closes its batch with its totals.  If they are the journal's, whatever stands in
         that batch is served, by the terminal's own word.
Rule 2.  If not, the terminal uploads what it holds, and says how much that was.  If not all of it
         came (a restart forgets uploads), it gets 79 and begins again.
Rule 3.  Then a charge that stands here and that the terminal does not know is undone: nobody was
         served for it.  What the terminal has confirmed before, it contradicts now: a case.  What
         still waits for its confirmation, and the terminal holds, is confirmed by that.
Rule 4.  A sale that the terminal holds and that was undone or declined here is a case: somebody has
         what nobody pays for.  So is one whose amount differs.
Rule 5.  A sale that never came here, or whose reversal is on its way, is a difference that a person
         is told of, and settles: nothing here can be set right.
Rule 6.  What became a case because nobody settled it (`unsettled`) is served once its terminal
         vouches for it after all.
Rule 7.  Where these messages may come without a MAC, what has none proves and undoes nothing: it
         closes its batch, and what it does not know of becomes a case, too.
Rule 8.  What is told of a batch that was settled is taken, and changes nothing: chip sales and the
         end also of a batch that balanced, an end whose answer was lost.

Holds on money (preauthorisations) are in no total.  A voided or refunded sale counts as a debit,
its void or refund as a credit.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, NamedTuple

from routing import response_codes as rc
from routing.charge import Charge, Event, State
from routing.conventions import iso87_batch, pos_batch
from routing.conventions.base import has_mac
from routing.conventions.pos_batch import Totals
from routing.docket import Entry
from routing.effects import BatchLookup
from routing.reason import Reason
from routing.sign_in import Till
from routing.transaction import Transaction
from routing.unsettled import Unsettled

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from types import ModuleType

    from routing.cause import Asker
    from routing.clock import Now
    from routing.docket import Docket
    from routing.lifecycle import Lifecycle
    from routing.replies import Replies
    from routing.sign_ins import SignIns

UPLOADS_MAX: Final = 1_000
"""Batches in upload at a time; the oldest is forgotten, and its terminal told to begin again."""
SETTLED_MAX: Final = 1_000
"""Batches that are remembered as settled where no session knows it: ends said again get 00."""
SALES_MAX: Final = 5_000
"""Sales of one upload; the counts of a batch have three digits in each of two blocks."""
_DE_64: Final = 64
_NO_MAC: Final = "0" * 16
_DE_41, _DE_42 = 8, 15
"""Characters of the fields: blanks fill them in messages, and in what is kept of charges."""
_STANDS: Final = frozenset({State.PRESUMED_SERVED, State.SERVED})
_DEBITS: Final = _STANDS | {State.VOIDING, State.VOIDED, State.REFUNDED}
_UNDONE: Final = frozenset({State.REVERSED, State.NOTHING_TO_REVERSE})
_SALES: Final = frozenset(
    {
        Transaction.SALE,
        Transaction.COMPLETION,
        Transaction.COMPLETION_ADVICE,
        Transaction.OFFLINE_SALE,
    }
)
"""What a batch holds."""


class Batch(NamedTuple):
    """One batch of one terminal."""

    merchant: str
    terminal: str
    number: str


@dataclass(slots=True)
class _Upload:
    """What a terminal told of one batch: amounts by STAN."""

    sales: dict[str, int] = field(default_factory=dict)
    doubtful: dict[str, int] = field(default_factory=dict)
    """Sales that failed at the terminal or were doubted there."""
    bare: bool = False
    """Whether something of it came without a MAC."""

    def __len__(self) -> int:
        return len(self.sales.keys() | self.doubtful.keys())

    def of(self, charge: Charge) -> int | None:
        """What it holds of a charge."""
        said = self.sales.get(charge.stan)
        if said is None and charge.state in _STANDS:
            return self.doubtful.get(charge.stan)
        return said


SettledWatcher = Callable[[str, str, "Iterable[Charge]", "Now"], None]
"""Merchant, terminal, charges of the batch, and when."""


class Batches:
    """The batches that are being settled."""

    def __init__(
        self, life: Lifecycle, docket: Docket, replies: Replies, sign_ins: SignIns
    ) -> None:
        self._life, self._docket, self._replies = life, docket, replies
        self._sign_ins = sign_ins
        self._uploads: OrderedDict[Batch, _Upload] = OrderedDict()
        self._settled_lately: OrderedDict[Batch, None] = OrderedDict()
        self.balanced = self.unbalanced = 0
        self.differences = 0
        self._unsettled = Unsettled(life, sign_ins, self._question_old)
        self.uploads_forgotten = 0
        self.watchers: list[SettledWatcher] = []
        """Told of each batch that was settled, with its charges."""

    def __len__(self) -> int:
        return len(self._uploads)

    def heard(self, asker: Asker, batch: Batch, now: Now, *, bare: bool) -> None:
        """An 0500 or 0320 of a terminal; `bare`: it has no MAC, and needed none."""
        if _speech(asker).is_upload(asker.request):
            self._upload(asker, batch, bare, now)
        else:
            self._totals(asker, batch, bare, now)

    def refuse(self, asker: Asker, batch: Batch, code: str, now: Now) -> None:
        """Answer at once: there is nothing to look up."""
        self._replies.refuse(asker, code, now, more=self._place_for_mac(asker, batch))

    def _tell(
        self, asker: Asker, batch: Batch, code: str, now: Now, fields: Mapping[int, str]
    ) -> None:
        more = {**fields, **self._place_for_mac(asker, batch)}
        self._replies.tell(asker, code, now, more)

    def _place_for_mac(self, asker: Asker, batch: Batch) -> dict[int, str]:
        """An answer has a MAC if its request has one, and its terminal keys."""
        has_keys = self._sign_ins.session(_till_of(batch)) is not None
        return {_DE_64: _NO_MAC} if has_keys and has_mac(asker.request) else {}

    def tick(self, now: Now) -> None:
        """Whatever waits for time."""
        self._unsettled.tick(now)

    def _question_old(self, till: Till, number: str, age_max_s: float) -> None:
        """Make cases of what nobody vouched for in a batch that is too old."""

        def found(charges: list[Charge], now: Now) -> None:
            for charge in charges:
                too_old = now.wall - charge.opened_at > age_max_s
                if too_old and charge.state is State.PRESUMED_SERVED and charge.kind in _SALES:
                    self.differences += 1
                    self._docket.question(charge, Reason.NEVER_SETTLED, now)

        batch = Batch(till.merchant.ljust(_DE_42), till.terminal.ljust(_DE_41), number)
        self._life.outbox.lookups.append(BatchLookup(batch, found))

    # Totals

    def _totals(self, asker: Asker, batch: Batch, bare: bool, now: Now) -> None:
        speech = _speech(asker)
        said = speech.totals(asker.request)
        if said is None:
            self.refuse(asker, batch, rc.FORMAT_ERROR, now)
            return

        def found(charges: list[Charge], now: Now) -> None:
            balanced = totals_of(charges) == said
            if balanced:
                self.balanced += 1
                self._uploads.pop(batch, None)
                self._vouch(() if bare else charges, now)
                self._settled(batch, charges, now)
            else:
                self.unbalanced += 1
                self._begin_upload(batch, bare=bare)
            code, fields = speech.result(asker.request, balanced=balanced)
            self._tell(asker, batch, code, now, fields)

        self._life.outbox.lookups.append(BatchLookup(batch, found))

    def _vouch(self, charges: Iterable[Charge], now: Now) -> None:
        for charge in charges:
            if charge.state is State.PRESUMED_SERVED and charge.kind in _SALES:
                self._life.apply(charge, Event.CONFIRMED, now)
            elif _is_unvouched(charge):
                self._life.apply(charge, Event.VOUCHED_LATE, now)

    def _settled(self, batch: Batch, charges: Iterable[Charge], now: Now) -> None:
        self._sign_ins.batch_settled(_till_of(batch), batch.number, now)
        self._settled_lately[batch] = None
        if len(self._settled_lately) > SETTLED_MAX:
            self._settled_lately.popitem(last=False)
        for watch in self.watchers:
            watch(batch.merchant, batch.terminal, charges, now)

    def _is_settled(self, batch: Batch) -> bool:
        known = batch in self._settled_lately
        return known or self._sign_ins.has_settled(_till_of(batch), batch.number)

    def _begin_upload(self, batch: Batch, *, bare: bool) -> None:
        self._settled_lately.pop(batch, None)
        self._uploads[batch] = _Upload(bare=bare)
        self._uploads.move_to_end(batch)
        if len(self._uploads) > UPLOADS_MAX:
            self._uploads.popitem(last=False)
            self.uploads_forgotten += 1

    # Uploads

    def _upload(self, asker: Asker, batch: Batch, bare: bool, now: Now) -> None:
        said = _speech(asker).upload(asker.request)
        if said is None:
            self.refuse(asker, batch, rc.FORMAT_ERROR, now)
            return
        known = self._uploads.get(batch)
        if known is None:
            code = rc.APPROVED if self._is_settled(batch) else rc.NOT_BALANCED
            self.refuse(asker, batch, code, now)
            return
        known.bare |= bare
        if said.in_all is None:
            (known.doubtful if said.doubtful else known.sales).update(said.sales)
            too_many = len(known) > SALES_MAX
            if too_many:
                del self._uploads[batch]
            self.refuse(asker, batch, rc.NOT_BALANCED if too_many else rc.APPROVED, now)
        elif said.in_all != len(known):
            self._begin_upload(batch, bare=known.bare)
            self.refuse(asker, batch, rc.NOT_BALANCED, now)
        else:
            self._end_of_upload(asker, batch, known)

    def _end_of_upload(self, asker: Asker, batch: Batch, told: _Upload) -> None:
        def found(charges: list[Charge], now: Now) -> None:
            self._set_right(charges, told, batch, now)
            self._uploads.pop(batch, None)
            self._settled(batch, charges, now)
            self._tell(asker, batch, rc.APPROVED, now, {})

        self._life.outbox.lookups.append(BatchLookup(batch, found))

    def _set_right(self, charges: Iterable[Charge], told: _Upload, batch: Batch, now: Now) -> None:
        known, sales = set(), told.sales
        for charge in charges:
            known.add(charge.stan)
            if charge.kind in _SALES:
                self._compare(charge, told.of(charge), told.bare, now)
            if charge.state is State.REVERSAL_DUE and charge.stan in sales:
                self._differs("served_while_reversed", batch, charge.stan, sales, now)
        for stan in sorted(sales.keys() - known):
            self._differs("unknown_here", batch, stan, sales, now)

    def _differs(
        self, kind: str, batch: Batch, stan: str, sales: Mapping[str, int], now: Now
    ) -> None:
        self.differences += 1
        said: dict[str, str | int | float] = {
            "kind": kind,
            "merchant": batch.merchant,
            "terminal": batch.terminal,
            "stan": stan,
            "theirs": sales[stan],
            "open": 1,
        }
        self._docket.note(Entry.DIFFERENCE, now, key="|".join((*batch, stan)), said=said)

    def _compare(self, charge: Charge, said: int | None, bare: bool, now: Now) -> None:
        """Hold one charge against what its terminal said of it: an amount, or nothing."""
        if said is not None and not bare:
            self._life.delivered(charge, now)
        stands = charge.state in _STANDS
        if stands and said is None:
            self._unknown_to_terminal(charge, bare, now)
        elif _is_unvouched(charge):
            if said == charge.money and not bare:
                self._life.apply(charge, Event.VOUCHED_LATE, now)
        elif charge.state is State.DELIVERED and said == charge.money and not bare:
            self._life.apply(charge, Event.CONFIRMED, now)
        elif stands and said != charge.money:
            self._question(charge, Reason.AMOUNT_DIFFERS, now)
        elif said is not None and charge.state in _UNDONE:
            self._question(charge, Reason.SERVED_AFTER_REVERSAL, now)
        elif said is not None and charge.state is State.DECLINED:
            self._question(charge, Reason.SERVED_THOUGH_DECLINED, now)

    def _unknown_to_terminal(self, charge: Charge, bare: bool, now: Now) -> None:
        if bare or charge.state is State.SERVED or charge.given_back:
            self._question(charge, Reason.UNKNOWN_TO_TERMINAL, now)
        else:
            self.differences += 1
            self._life.apply(charge, Event.NOT_SERVED, now, reason=Reason.UNKNOWN_TO_TERMINAL)

    def _question(self, charge: Charge, reason: Reason, now: Now) -> None:
        self.differences += 1
        self._docket.question(charge, reason, now)


def _is_unvouched(charge: Charge) -> bool:
    """Whether it is a case only because nobody settled it."""
    return charge.state is State.CASE and charge.reason == Reason.NEVER_SETTLED


def _till_of(batch: Batch) -> Till:
    return Till.of(batch.merchant, batch.terminal)


def _speech(asker: Asker) -> ModuleType:
    """How the asker's dialect words batch settlement."""
    return iso87_batch if asker.request.dialect.name.startswith("iso87") else pos_batch


def totals_of(charges: Iterable[Charge]) -> Totals:
    """The totals of a batch as this journal has it."""
    sales = [each for each in charges if each.kind in _SALES]
    debits = [each.money for each in sales if each.state in _DEBITS or _is_unvouched(each)]
    credits_ = [each.money for each in charges if each.kind.undoes and each.state in _STANDS]
    return Totals(sum(debits), len(debits), sum(credits_), len(credits_))
