"""Draws the life of a charge from its table, for the documentation: `python -m routing.diagram`."""

from __future__ import annotations

from collections import defaultdict

from routing.charge import END_OF, OPEN_STATES, TABLE, State


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


if __name__ == "__main__":
    print(page(), end="")
