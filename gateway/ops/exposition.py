"""The text of `/metrics`, made in slices so that charges never wait for a scrape."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import trio
from prometheus_client.exposition import generate_latest

from gateway.ops.survey import look

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from prometheus_client import Metric as Family

    from gateway.ops.survey import Seen
    from routing.book import ChargeBook


class Collector(Protocol):
    """A part of the gateway that has numbers to show."""

    def collect(self, seen: Seen) -> Iterator[Family]:
        """Its metrics, each once; `seen` is what all open charges came to."""
        ...


class _One:
    """What `generate_latest` takes for a registry."""

    def __init__(self, family: Family) -> None:
        self._family = family

    def collect(self) -> Iterable[Family]:
        """The one family."""
        return (self._family,)


async def exposition(book: ChargeBook, collectors: Sequence[Collector]) -> bytes:
    """Every metric; after each, others get their turn."""
    seen = await look(book)
    pieces = []
    for collector in collectors:
        for family in collector.collect(seen):
            pieces.append(generate_latest(_One(family)))
            await trio.lowlevel.checkpoint()
    return b"".join(pieces)
