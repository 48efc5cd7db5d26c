"""What stands against a new settlement card: each rule says all that it has against it, at once."""

from __future__ import annotations

import unicodedata
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from routing.accounts.bins import LENGTHS, CardKind, Medium
from routing.accounts.obstacles import (
    clock,
    documents,
    lock,
    permission,
    regulation,
    software,
    synchronisation,
    verification,
    window,
)
from routing.accounts.refusals import Code, Obstacle

if TYPE_CHECKING:
    from collections.abc import Iterator

    from routing.accounts.obstacles import View
    from routing.accounts.settlement_cards import SettlementAccount

CAPABILITY: Final = "settlement-card"
"""What a terminal's entry must name, if it names capabilities at all."""
KEYED, STRIPE, CHIP = "keyed", "stripe", "chip"
ENTRIES: Final = {"01": KEYED, "02": STRIPE, "90": STRIPE, "05": CHIP, "07": CHIP}
"""How a card was read, by the first two digits of DE 22."""
OF_THE_CARD: Final = frozenset({Code.CARD_INVALID, Code.CARD_KIND, Code.HOLDER_DIFFERS})
"""Reasons that only another card removes."""
_DAY_S: Final = 86_400.0


class Known(NamedTuple):
    """What these rules look at besides what all rules do."""

    account: SettlementAccount
    kind: str
    """Of the merchant."""
    region: str
    names: tuple[str, ...]
    """In which the card may be."""
    cooling_from: float
    """When the card in force began; 0: long ago."""
    terminal_can: bool
    broken: tuple[str, ...]
    """Parts of the asking terminal that do not work."""


def _card(view: View) -> dict[str, Any]:
    """Of the new card what is known; empty while only the conditions are asked for."""
    card: dict[str, Any] = view.request.facts.get("card", {})
    return card


def number(view: View) -> Iterator[Obstacle]:
    """P11: the check digit, or how many digits there are."""
    card = _card(view)
    if not card:
        return
    if not card["check_digit"]:
        yield Obstacle(Code.CARD_INVALID, "check digit")
    lengths = card.get("lengths", list(LENGTHS))
    if card["length"] not in lengths:
        yield Obstacle(Code.CARD_INVALID, f"{card['length']} digits")


def kind(view: View) -> Iterator[Obstacle]:
    """P12: a card of an unknown bank, or of a kind that this merchant's money is not settled to."""
    card = _card(view)
    if not card:
        return
    if "kind" not in card:
        yield Obstacle(Code.CARD_KIND, "no bank is known for it")
        return
    if card["kind"] == CardKind.CREDIT:
        yield Obstacle(Code.CARD_KIND, "credit card")
        return
    known: Known = view.known
    rule, allowed = view.rules.cards_for(known.kind, known.region)
    if card["kind"] not in allowed:
        about = f"{card['kind']}; rules {view.rules.version} for {rule}: {','.join(allowed)}"
        yield Obstacle(Code.CARD_KIND, about)


def medium(view: View) -> Iterator[Obstacle]:
    """P12: read by a medium that the card does not have, or that the rules do not take."""
    card, entry = _card(view), str(view.request.facts.get("entry", ""))
    its = card.get("medium", Medium.BOTH)
    if entry in (CHIP, STRIPE) and its not in (entry, Medium.BOTH):
        yield Obstacle(Code.CARD_KIND, f"a {its} card was read by {entry}")
    wanted = view.rules.settlement_media
    if card and wanted and its != Medium.BOTH and its not in wanted:
        yield Obstacle(Code.CARD_KIND, f"{its} only; rules want {','.join(wanted)}")


def holder(view: View) -> Iterator[Obstacle]:
    """P13: the card is in another name.  Where no name is on file, a person looks."""
    known: Known = view.known
    names = {_plain(each) for each in known.names if each}
    if _card(view) and names and _plain(view.request.name) not in names:
        yield Obstacle(Code.HOLDER_DIFFERS, "name")


def _plain(name: str) -> str:
    """A name as it is compared: full-width letters, case and blanks do not count."""
    return "".join(unicodedata.normalize("NFKC", name).casefold().split())


def money(view: View) -> Iterator[Obstacle]:
    """P2, P3: disputes, and a batch that would be settled to who knows which card."""
    disputes = view.dossier.disputes + view.standing.disputed
    if disputes:
        yield Obstacle(Code.OPEN_CHARGES, f"{disputes} disputes", count=disputes)
    if view.standing.unsettled:
        count, amount = view.standing.unsettled, view.standing.unsettled_money
        yield Obstacle(Code.UNSETTLED_BATCH, f"{count} unsettled", count=count, amount=amount)


def bank(view: View) -> Iterator[Obstacle]:
    """P8: the bank is being told a card, or has another one than is known here."""
    known: Known = view.known
    if known.account.mismatch:
        yield Obstacle(Code.SYNC_PENDING, known.account.mismatch)
    elif known.account.to_send:
        yield Obstacle(Code.SYNC_PENDING, f"version {known.account.to_send}")


def age(view: View) -> Iterator[Obstacle]:
    """P17: the account is too young, or its card too new, for another one."""
    known: Known = view.known
    begun, days = _day(view.dossier.since), view.rules.account_age_days
    if begun and view.wall < begun + days * _DAY_S:
        until = begun + days * _DAY_S
        yield Obstacle(Code.REGULATION, f"account younger than {days} days", until=until)
    until = known.cooling_from + view.rules.cooling_h * 3_600.0
    if known.cooling_from and view.wall < until:
        yield Obstacle(Code.REGULATION, f"cooling period {view.rules.cooling_h:g} h", until=until)


def version(view: View) -> Iterator[Obstacle]:
    """P18: somebody else's change came in between."""
    known: Known = view.known
    seen = view.request.facts.get("seen")
    if seen is not None and seen != known.account.newest:
        yield Obstacle(Code.DUPLICATE, f"version {known.account.newest}, not {seen}")


def terminal(view: View) -> Iterator[Obstacle]:
    """P15, P19: the terminal that asks can't read a card now, or was not made for this."""
    known, entry = view.known, str(view.request.facts.get("entry", ""))
    if "reader" in known.broken and entry != KEYED:
        yield Obstacle(Code.DEVICE_FAULT, "reader")
    if not known.terminal_can:
        yield Obstacle(Code.NOT_CAPABLE, CAPABILITY)


def _day(text: str) -> float:
    try:
        return datetime.fromisoformat(f"{text}T00:00:00+00:00").timestamp()
    except ValueError:
        return 0.0


OF_A_SETTLEMENT_CARD: Final = (
    *(permission, money, window, documents, synchronisation, bank, verification, lock),
    *(number, kind, medium, holder, software, terminal, clock, regulation, age, version),
)
AT_APPROVAL: Final = (permission, lock, number, kind, holder, regulation)
"""What is asked again when it is approved: rules may have changed meanwhile."""
