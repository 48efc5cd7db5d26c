"""Draws lives from their tables, for the documentation: `python -m routing.diagram` a charge's,
with the word `accounts` those of account requests.
"""

from __future__ import annotations

import sys
from collections import defaultdict
from typing import TYPE_CHECKING

from routing.accounts.office import CASES
from routing.accounts.people import MAY, Role
from routing.accounts.refusals import MEANING
from routing.charge import END_OF, OPEN_STATES, TABLE, State

if TYPE_CHECKING:
    from routing.accounts.machine import Machine


def mermaid() -> str:
    """The table as a Mermaid state diagram; events that change nothing are left out."""
    lines = ["stateDiagram-v2", f"    [*] --> {State.SENT}"]
    for before, row in TABLE.items():
        events: defaultdict[State, list[str]] = defaultdict(list)
        for event, step in row.items():
            if step.next is not before:
                events[step.next].append(event)
        for after, names in events.items():
            lines.append(f"    {before} --> {after}: {', '.join(names)}")
    lines += [f"    {state} --> [*]" for state in State if state not in OPEN_STATES]
    return "\n".join(lines)


def table() -> str:
    """The table as Markdown, a line per cell: state, event, next state, what is done, DE 39."""
    lines = ["| state | event | next state | what is done | answer |", "|---|---|---|---|---|"]
    for before, row in TABLE.items():
        for event, step in row.items():
            after = "" if step.next is before else step.next
            done = "; ".join(step.actions)
            lines.append(f"| {before} | {event} | {after} | {done} | {step.code or ''} |")
    return "\n".join(lines)


def page() -> str:
    """The whole page `docs/charge.md`."""
    ends = "\n".join(f"- {state}: {end}" for state, end in END_OF.items())
    return f"""# The life of a charge

Drawn from the table in `routing/charge.py` by `python -m routing.diagram > docs/charge.md`; a
test holds the two together.  A pair of state and event that is not in the table makes that charge
a case.

```mermaid
{mermaid()}
```

The ends, in the words of the promise (NEVER_LEFT is none: no host ever saw it, it is no charge):

{ends}

{table()}
"""


def life_of(machine: Machine) -> str:
    """One kind of request: its diagram, its states, its table."""
    lines = ["```mermaid", "stateDiagram-v2", f"    [*] --> {machine.first}"]
    rows = ["| state | event | next state | what is done |", "|---|---|---|---|"]
    for before, row in machine.table.items():
        for event, step in row.items():
            if step.next != before:
                lines.append(f"    {before} --> {step.next}: {event}")
            rows.append(f"| {before} | {event} | {step.next} | {'; '.join(step.acts)} |")
    lines += [f"    {state} --> [*]" for state in machine.places if machine.is_end(state)]
    states = ["| state | 中文 | who must act | new business gets |", "|---|---|---|---|"]
    for state, place in machine.places.items():
        owner = place.owner if place.due else ""
        states.append(f"| {state}: {place.title.en} | {place.title.zh} | {owner} | {place.bars} |")
    whole = ("\n".join(lines) + "\n```", "\n".join(states), "\n".join(rows))
    return f"## {machine.title.en[0].upper()}{machine.title.en[1:]}\n\n" + "\n\n".join(whole)


def accounts_page() -> str:
    """The whole page `docs/accounts.md`."""
    lives = "\n\n".join(life_of(each.machine) for each in CASES)
    codes = "\n".join(
        f"| {code} | {meaning.what.en} | {meaning.what.zh} | {meaning.next.en} |"
        for code, meaning in MEANING.items()
    )
    rights = "\n".join(f"| {role} | {', '.join(sorted(MAY[role]))} |" for role in Role)
    return f"""# Account services

Drawn from the tables in `routing/accounts` by `python -m routing.diagram accounts >
docs/accounts.md`; a test holds them together.  A pair of state and event that is not in a table is
refused (P18) and changes nothing.

{lives}

## Reasons of refusals

| code | what | 中文 | what to do next |
|---|---|---|---|
{codes}

## Who may what

| role | may |
|---|---|
{rights}
"""


if __name__ == "__main__":
    print(accounts_page() if "accounts" in sys.argv[1:] else page(), end="")
