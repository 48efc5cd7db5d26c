"""What three independent books say of every charge, and whether they agree.

The terminals wrote what they were told and whether they served.  The host wrote what it charged
and gave back.  The journal says how each charge ended.  `judge` is a pure function of the three.

A charge is named by merchant, terminal and amount: a simulated terminal never uses an amount twice.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

ENDS: Final = ("served", "declined", "reversed", "refunded", "cases", "open")
CASES_MAX: Final = 0.02
"""Share of charges that may end as a case before the run counts as a failure."""
_APPROVED: Final = "00"

Line = dict[str, Any]


class Key(NamedTuple):
    """What names a charge in every book."""

    merchant: str
    terminal: str
    amount: int

    def __str__(self) -> str:
        return f"{self.merchant.rstrip('0123456789')} {self.terminal} amount {self.amount}"


class Tally(msgspec.Struct):
    """A number of charges and their money in minor units."""

    count: int = 0
    money: int = 0

    def add(self, amount: int) -> None:
        """One more."""
        self.count += 1
        self.money += amount


class Row(msgspec.Struct):
    """The charges that ended in one way by the journal, and how many the other books confirm."""

    journal: Tally
    host: Tally
    terminals: Tally


class Verdict(msgspec.Struct, kw_only=True):
    """Totals over the three books, and every disagreement in words."""

    charges: int
    approved: int
    declined: int
    served: int
    reversed: int
    refunded: int
    cases: int
    open: int
    charged_without_service: int
    served_without_charge: int
    double_reversals: int
    duplicates_answered: int
    books_agree: bool
    money: dict[str, int]
    rows: dict[str, Row]
    disagreements: list[str]


@dataclass(slots=True)
class Story:
    """Everything that the books say under one key."""

    key: Key
    journal: list[Line] = field(default_factory=list)
    host: list[Line] = field(default_factory=list)
    give_backs: list[Line] = field(default_factory=list)
    terminal: list[Line] = field(default_factory=list)

    @property
    def end(self) -> str | None:
        """How the charge ended by the journal; None if the journal has no such charge."""
        if not self.journal:
            return None
        end: str = self.journal[0]["end"]
        return "cases" if end == "case" else end

    @property
    def charged(self) -> bool:
        """The host took the money at some time."""
        return any(line["code"] == _APPROVED for line in self.host)

    @property
    def kept(self) -> bool:
        """The host has the money still."""
        return self.charged and not self.give_backs

    @property
    def served(self) -> bool:
        """The customer got something."""
        return any(line["served"] for line in self.terminal)

    def host_confirms(self) -> bool:
        """Whether the host's book bears out the journal's end."""
        match self.end:
            case "served":
                return self.kept
            case "declined":
                return bool(self.host) and not self.charged
            case "reversed":
                return not self.kept
        return True

    def terminal_confirms(self) -> bool:
        """Whether the terminals' book bears out the journal's end."""
        if self.end in ("cases", "open"):
            return True
        return bool(self.terminal) and self.served == (self.end == "served")


def judge(terminals: Iterable[Line], host: Iterable[Line], audit: Line) -> Verdict:
    """Hold the terminals' book, the host's book and the audit against each other."""
    stories = _gathered(terminals, host, audit)
    rows = {end: _row(end, stories) for end in ENDS}
    at_odds = [s for s in stories if s.end != "cases"]
    unserved = [s for s in at_odds if s.kept and not s.served]
    uncharged = [s for s in at_odds if s.served and not s.kept]
    doubles = [s for s in stories if len(s.give_backs) > 1]
    money = _money(stories, rows)
    disagreements = [
        *(f"{s.key}: CHARGED WITHOUT SERVICE ({_told(s)})" for s in unserved),
        *(f"{s.key}: SERVED WITHOUT CHARGE ({_told(s)})" for s in uncharged),
        *(f"{s.key}: given back {len(s.give_backs)} times" for s in doubles),
        *(text for s in stories for text in _contradictions(s)),
        *_totals_at_odds(audit, rows),
        *_money_at_odds(money),
    ]
    ended = {end: row.journal.count for end, row in rows.items()}
    return Verdict(
        **ended,
        charges=sum(ended.values()),
        approved=sum(s.charged for s in stories),
        charged_without_service=len(unserved),
        served_without_charge=len(uncharged),
        double_reversals=len(doubles),
        duplicates_answered=audit.get("repeats_answered", 0),
        books_agree=not disagreements,
        money=money,
        rows=rows,
        disagreements=disagreements,
    )


def _gathered(terminals: Iterable[Line], host: Iterable[Line], audit: Line) -> list[Story]:
    stories: dict[Key, Story] = {}

    def story(line: Line) -> Story:
        key = Key(line["merchant"].strip(), line["terminal"].strip(), line["amount"])
        return stories.setdefault(key, Story(key))

    for line in audit["each"]:
        story(line).journal.append(line)
    for line in host:
        if line["kind"] == "charge" and not line["repeat"]:
            story(line).host.append(line)
        elif line["kind"] == "reversal" and line["gave_back"]:
            story(line).give_backs.append(line)
    for line in terminals:
        story(line).terminal.append(line)
    return list(stories.values())


def _row(end: str, stories: Sequence[Story]) -> Row:
    row = Row(Tally(), Tally(), Tally())
    for story in stories:
        if story.end == end:
            row.journal.add(story.journal[0]["amount"])
            if story.host_confirms():
                row.host.add(story.key.amount)
            if story.terminal_confirms():
                row.terminals.add(story.key.amount)
    return row


def _money(stories: Sequence[Story], rows: dict[str, Row]) -> dict[str, int]:
    """Sums in minor units, each from one book alone but for setting the cases apart."""
    sums: Counter[str] = Counter()
    for story in stories:
        amount = story.key.amount
        where = "in_cases" if story.end == "cases" else "kept_by_host"
        sums[where] += amount * story.kept
        sums["given_back_by_host"] += sum(line["gave_back"] for line in story.give_backs)
        sums["served_by_terminals"] += amount * (story.served and story.end != "cases")
        if story.end == "reversed" and not story.charged:
            sums["reversed_never_charged"] += amount
        if story.end == "cases" and story.give_backs:
            sums["given_back_in_cases"] += amount
    journal = {f"{end}_by_journal": row.journal.money for end, row in rows.items()}
    names = ("kept_by_host", "given_back_by_host", "in_cases", "served_by_terminals")
    others = ("reversed_never_charged", "given_back_in_cases")
    return journal | {name: sums[name] for name in (*names, *others)}


# ---- What the books must not say ----------------------------------------------------------------


def _contradictions(story: Story) -> Iterator[str]:
    """What is wrong with one charge besides its money and its service."""
    yield from (f"{story.key}: {text}" for text in _counting(story))
    yield from (f"{story.key}: {text}" for text in _endings(story))
    yield from (f"{story.key}: {text}" for text in _words(story))


def _counting(story: Story) -> Iterator[str]:
    for name, lines in (
        ("in the journal", story.journal),
        ("charged by the host", story.host),
        ("in the terminals' book", story.terminal),
    ):
        if len(lines) > 1:
            yield f"{len(lines)} times {name}"
    if not story.terminal:
        yield "no terminal knows it"
    if story.host and not story.journal:
        yield "the host decided what the journal does not know"
    if story.journal and any(not line["sent"] for line in story.terminal):
        yield "in the journal, but its terminal never sent it"


def _endings(story: Story) -> Iterator[str]:
    end = story.end
    if end == "open":
        yield f"still open in the journal ({story.journal[0]['state']})"
    if end is not None and not story.host_confirms():
        yield f"{end} by the journal, but the host's book says {_host_word(story)}"
    if not story.terminal_confirms() and story.terminal and end is not None:
        yield f"{end} by the journal, but the terminal {_terminal_word(story)}"
    if end == "declined" and story.give_backs:
        yield "declined, and yet given back"


def _words(story: Story) -> Iterator[str]:
    """What the terminal was told must be what the host said, of this very charge."""
    for line in story.terminal:
        if line["answers_differ"]:
            yield "a repeat got another answer than the first"
        if line["served"] and line["reversed_by_me"]:
            yield "the terminal served what it reversed"
        if line["how"] == "unresolved":
            yield "the terminal could not settle it in time"
        if line["told"] == _APPROVED:
            numbers = {each["rrn"] for each in (*story.host, *story.journal)} or {"none"}
            if not story.charged:
                yield "told approved, but the host approved nothing"
            elif numbers != {line["rrn"]}:
                yield "the terminal was given another charge's reference number"


def _totals_at_odds(audit: Line, rows: dict[str, Row]) -> Iterator[str]:
    for end, row in rows.items():
        if audit[end] != row.journal.count or audit["money"][end] != row.journal.money:
            yield f"audit: its total of {end} is not the sum of its charges"
    charges = sum(row.journal.count for row in rows.values())
    if audit["charges"] != charges:
        yield "audit: charges are not declined + served + reversed + refunded + cases + open"
    if rows["cases"].journal.count > CASES_MAX * charges:
        yield f"{rows['cases'].journal.count} cases are more than {CASES_MAX:.0%} of the charges"
    yield from (f"audit: {violation}" for violation in audit["violations"])


def _money_at_odds(money: dict[str, int]) -> Iterator[str]:
    served = money["served_by_journal"]
    if money["kept_by_host"] != served:
        yield f"money: served by the journal {served}, kept by the host {money['kept_by_host']}"
    if money["served_by_terminals"] != served:
        yield (
            f"money: served by the journal {served}, by the terminals"
            f" {money['served_by_terminals']}"
        )
    given_back = money["given_back_by_host"] - money["given_back_in_cases"]
    reversed_ = money["reversed_by_journal"] - money["reversed_never_charged"]
    if given_back != reversed_:
        yield f"money: reversed by the journal {reversed_}, given back by the host {given_back}"


def _told(story: Story) -> str:
    return f"journal: {story.end}; host: {_host_word(story)}; terminal {_terminal_word(story)}"


def _host_word(story: Story) -> str:
    if not story.host:
        return "never seen"
    if not story.charged:
        return "declined"
    return "given back" if story.give_backs else "kept"


def _terminal_word(story: Story) -> str:
    words = defaultdict(list)
    for line in story.terminal:
        words["served" if line["served"] else "did not serve"].append(line["how"])
    return "; ".join(f"{word} ({', '.join(hows)})" for word, hows in words.items()) or "is unknown"
