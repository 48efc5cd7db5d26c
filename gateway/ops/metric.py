"""What a metric is: its name, its unit, its closed sets of labels, and how it is exposed.

Every label is of a closed set, so the number of series has a bound: words of the code, names of the
configuration, or so many of what comes.  A word that is in no set is exposed as `other`.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from enum import StrEnum
from itertools import product
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Protocol

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from prometheus_client import Metric as Family

OTHER: Final = "other"
_TOTAL: Final = "_total"
_ZEROS_MAX: Final = 64
"""Sets of words up to this size are exposed whole: a series that is there from the start tells its
first increase, too."""


class Kind(StrEnum):
    """The kinds that Prometheus knows."""

    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"


class Shape(NamedTuple):
    """How many names a configuration brings in."""

    hosts: int
    listeners: int
    dialects: int


class Label(NamedTuple):
    """One label: its words, or where its words come from and how many there may be."""

    name: str
    words: tuple[str, ...] = ()
    source: str = ""
    """Where the words stand that the code does not know, for the table."""
    most: Callable[[Shape], int] | None = None

    def count(self, shape: Shape) -> int:
        """How many values it can have."""
        return self.most(shape) if self.most is not None else len(self.words)

    def closed(self, value: str) -> str:
        """`value`, or `other` if it is none of the words."""
        return value if not self.words or value in self.words else OTHER


class Timed(Protocol):
    """A histogram in plain integers, as `routing.tally.Tally` keeps it."""

    sum: float

    def buckets(self) -> list[tuple[str, float]]:
        """Bound and how many, cumulative."""
        ...


Words = tuple[str, ...]
Values = str | Words
"""The words of all labels; the one word itself where there is one label."""


@dataclass(frozen=True)
class Metric:
    """One entry of the catalogue."""

    name: str
    """As it is scraped; of a histogram without `_bucket`, `_sum`, `_count`."""
    kind: Kind
    unit: str
    help: str
    labels: tuple[Label, ...] = ()
    buckets: tuple[float, ...] = ()
    most: Callable[[Shape], int] | None = None
    """How many series there can be, where not every pair of labels can."""

    def series_max(self, shape: Shape) -> int:
        """The bound on its series."""
        if self.most is not None:
            return self.most(shape)
        count = 1
        for label in self.labels:
            count *= label.count(shape)
        # A bucket for each bound, one for +Inf, and the sum and the count.
        return count * (len(self.buckets) + 3) if self.kind is Kind.HISTOGRAM else count

    def of(self, value: float) -> Family:
        """The metric without labels."""
        return self.by({(): value})

    def by(self, values: Mapping[Any, float]) -> Family:
        """The metric by its labels: a word, or a tuple of words where there are several."""
        family: CounterMetricFamily | GaugeMetricFamily
        names = [label.name for label in self.labels]
        if self.kind is Kind.COUNTER:
            family = CounterMetricFamily(self.name.removesuffix(_TOTAL), self.help, labels=names)
        else:
            family = GaugeMetricFamily(self.name, self.help, labels=names)
        for labels, value in sorted(self._summed(values).items()):
            family.add_metric(labels, value)
        return family

    def _summed(self, values: Mapping[Any, float]) -> Mapping[Words, float]:
        known: dict[Words, float] = defaultdict(float)
        if self.labels and all(label.words for label in self.labels):
            whole = list(product(*(label.words for label in self.labels)))
            known.update(dict.fromkeys(whole if len(whole) <= _ZEROS_MAX else (), 0))
        for given, value in values.items():
            pairs = zip(self.labels, _words(given), strict=True)
            known[tuple(label.closed(word) for label, word in pairs)] += value
        return known

    def timed(self, tally: Timed) -> Family:
        """A histogram without labels."""
        return self.timed_by({(): tally})

    def timed_by(self, tallies: Mapping[Any, Timed]) -> Family:
        """A histogram by its labels."""
        names = [label.name for label in self.labels]
        family = HistogramMetricFamily(self.name, self.help, labels=names)
        for given, tally in tallies.items():
            family.add_metric(_words(given), buckets=tally.buckets(), sum_value=tally.sum)
        return family


def _words(given: Values) -> Words:
    return (given,) if isinstance(given, str) else given


class Section:
    """Entries of the catalogue that belong together, in the order in which they are told."""

    def __init__(self, title: str) -> None:
        self.title = title
        self.metrics: list[Metric] = []

    def _add(self, metric: Metric) -> Metric:
        self.metrics.append(metric)
        return metric

    def counter(
        self,
        name: str,
        unit: str,
        text: str,
        *labels: Label,
        most: Callable[[Shape], int] | None = None,
    ) -> Metric:
        """Add a counter."""
        return self._add(Metric(name, Kind.COUNTER, unit, text, labels, most=most))

    def gauge(
        self,
        name: str,
        unit: str,
        text: str,
        *labels: Label,
        most: Callable[[Shape], int] | None = None,
    ) -> Metric:
        """Add a gauge."""
        return self._add(Metric(name, Kind.GAUGE, unit, text, labels, most=most))

    def histogram(
        self, name: str, unit: str, text: str, buckets: tuple[float, ...], *labels: Label
    ) -> Metric:
        """Add a histogram."""
        return self._add(Metric(name, Kind.HISTOGRAM, unit, text, labels, buckets))
