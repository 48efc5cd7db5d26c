"""Terminals that sign in, in numbers.  What each metric is called and what it means stands in
`gateway.ops.catalogue`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.ops import sign_ins

if TYPE_CHECKING:
    from collections.abc import Iterator

    from prometheus_client import Metric as Family

    from gateway.key_work import KeyWorkers
    from gateway.ops.survey import Seen
    from gateway.terminal_keys import TerminalKeys
    from routing.switch import Switch


class TerminalCollector:
    """Sessions, keys, findings, and how well the devices are."""

    def __init__(self, switch: Switch, keys: TerminalKeys, workers: KeyWorkers) -> None:
        self._terminals = switch.terminals
        self._keys, self._workers = keys, workers

    def collect(self, seen: Seen) -> Iterator[Family]:
        """Every metric, once."""
        del seen
        known = self._terminals.sign_ins
        yield sign_ins.SIGNED.by(known.states)
        yield sign_ins.STEPS.by(known.events)
        yield sign_ins.HELD.of(len(self._keys))
        yield sign_ins.CROWDED.of(self._terminals.network.crowded)
        yield sign_ins.WORK_FAILED.of(self._workers.failed)
        yield sign_ins.FOUND.by(known.findings.counts)
        yield sign_ins.UNAUDITED.of(known.findings.unaudited)
