"""What stands against a request, whatever its kind: all of it at once.

Each rule is one function that says what it has against a request; the enquiry asks all of them, and
so does the pre-check, with the same words.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

from routing.accounts.refusals import Code, Obstacle

if TYPE_CHECKING:
    from collections.abc import Iterator

    from routing.accounts.dossier import Dossier
    from routing.accounts.people import May, People
    from routing.accounts.request import AccountRequest
    from routing.accounts.rules import RuleSet
    from routing.accounts.standing import Standing


class View(NamedTuple):
    """All that a request is judged by."""

    request: AccountRequest
    may: May
    rules: RuleSet
    dossier: Dossier
    people: People
    standing: Standing
    wall: float
    known: Any = None
    """What only its own case's rules look at."""


def permission(view: View) -> Iterator[Obstacle]:
    """P1: the maker may not ask for this, or not for this merchant, or a policy withholds it."""
    maker = view.people.find(view.request.maker)
    if maker is not None and maker.acts_for and view.request.merchant not in maker.acts_for:
        yield Obstacle(Code.NO_PERMISSION, "no agent of this merchant")
    if not view.people.may(view.request.maker, view.may, view.wall):
        yield Obstacle(Code.NO_PERMISSION, view.may)
    if view.dossier.policy:
        yield Obstacle(Code.NO_PERMISSION, f"policy {view.dossier.policy}")


def money(view: View) -> Iterator[Obstacle]:
    """P2 to P4: charges, cases, batches and reversals that are not at their end."""
    yield from view.standing.obstacles()
    if view.dossier.disputes:
        count = view.dossier.disputes
        yield Obstacle(Code.OPEN_CHARGES, f"{count} chargebacks", count=count)
    if view.dossier.balance and not view.request.is_about_terminal:
        amount = view.dossier.balance
        yield Obstacle(Code.OPEN_CHARGES, f"balance {amount}", amount=amount)


def contract(view: View) -> Iterator[Obstacle]:
    """P5: the contract runs on, and nobody agreed to an early end.  Without a contract on file a
    person looks; that is no reason to refuse.
    """
    known = view.dossier.contract
    if known is None or known.consented or known.ends <= view.wall:
        return
    about = f"{known.number} until {day(known.ends, view.rules)}"
    if known.may_end_early and known.early_fee:
        about += f", early end for {known.early_fee}"
    yield Obstacle(Code.CONTRACT_TERM, about, until=known.ends, amount=known.early_fee)


def window(view: View) -> Iterator[Obstacle]:
    """P6: requests of this kind are not taken now; says when they are."""
    opens = view.rules.opens_at(view.request.kind, view.wall)
    if opens:
        local = datetime.fromtimestamp(opens, UTC) + timedelta(minutes=view.rules.utc_offset_min)
        yield Obstacle(Code.OUTSIDE_WINDOW, f"{local:%Y-%m-%d %H:%M}", until=opens)


def documents(view: View) -> Iterator[Obstacle]:
    """P7: documents that the rules want and nobody handed in; says which."""
    wanted = view.rules.documents_for(view.request.kind, view.dossier.region)
    missing = wanted - view.request.documents.keys() - view.dossier.documents.keys()
    if missing:
        yield Obstacle(Code.DOCUMENTS_MISSING, ",".join(sorted(missing)), count=len(missing))


def synchronisation(view: View) -> Iterator[Obstacle]:
    """P8: the merchant's data are being brought in line with the bank's."""
    if view.dossier.sync_pending:
        yield Obstacle(Code.SYNC_PENDING)


def verification(view: View) -> Iterator[Obstacle]:
    """P9: checks of the applicant that were not made yet; says which."""
    missing = view.rules.verifications_for(view.dossier.risk) - view.request.verified.keys()
    if missing:
        yield Obstacle(Code.NOT_VERIFIED, ",".join(sorted(missing)), count=len(missing))


def lock(view: View) -> Iterator[Obstacle]:
    """P10: the account is locked; says why."""
    if view.dossier.lock is not None:
        yield Obstacle(Code.LOCKED, view.dossier.lock.why)


def holder(view: View) -> Iterator[Obstacle]:
    """P13: what was keyed differs from what is registered; says which field."""
    if view.request.name and view.dossier.name and view.request.name != view.dossier.name:
        yield Obstacle(Code.HOLDER_DIFFERS, "name")


def software(view: View) -> Iterator[Obstacle]:
    """P14: the terminal that asks is too old to."""
    version = str(view.request.facts.get("software", ""))
    if version and view.rules.software_min and version < view.rules.software_min:
        yield Obstacle(Code.SOFTWARE_TOO_OLD, f"{version} < {view.rules.software_min}")


def clock(view: View) -> Iterator[Obstacle]:
    """P16: the terminal that asks has a wrong clock."""
    skew = float(view.request.facts.get("skew_s", 0.0))
    if view.rules.clock_skew_max_s and abs(skew) > view.rules.clock_skew_max_s:
        yield Obstacle(Code.CLOCK_SKEW, f"{skew:+.0f} s")


def regulation(view: View) -> Iterator[Obstacle]:
    """P17: a regulation stops requests of this kind."""
    rule = view.rules.forbids.get(view.request.kind)
    if rule:
        yield Obstacle(Code.REGULATION, rule)


EVERY = (
    *(permission, money, contract, window, documents, synchronisation, verification, lock),
    *(holder, software, clock, regulation),
)
"""Of an end for good."""
OF_A_DEVICE = (
    *(permission, window, documents, synchronisation, verification, lock, holder, software),
    *(clock, regulation),
)
"""Of a terminal that goes out of service: money is drained on the way, contracts run on."""
OF_ANYBODY = (permission, lock, holder)
"""Of what only adds something."""


def day(wall: float, rules: RuleSet) -> str:
    """A day by the rules' clock."""
    local = datetime.fromtimestamp(wall, UTC) + timedelta(minutes=rules.utc_offset_min)
    return f"{local:%Y-%m-%d}"
