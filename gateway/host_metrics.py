"""Metrics of the links to hosts: where they stand, how well they are, what went wrong on them.

Labels are closed sets: the hosts of the configuration, and states and events of the code.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

from routing.link_states import Health, LinkState

if TYPE_CHECKING:
    from collections.abc import Iterator

    from prometheus_client import Metric

    from gateway.clock import Clock
    from routing.switch import Switch

LINK_EVENTS: Final = ("echo missed", "sign-on refused", "put aside", "closed")


class HostCollector(Collector):
    """What `routing` knows of hosts, at the time of a scrape."""

    def __init__(self, switch: Switch, clock: Clock) -> None:
        self._switch = switch
        self._clock = clock

    def collect(self) -> Iterator[Metric]:
        """Every metric, once."""
        now = self._clock.now().monotonic
        states = GaugeMetricFamily(
            "gateway_host_links", "Connected links, by state.", labels=("host", "state")
        )
        health = GaugeMetricFamily(
            "gateway_host_health", "1 for how a host's links are.", labels=("host", "health")
        )
        events = CounterMetricFamily(
            "gateway_host_link_events", "What went wrong on links.", labels=("host", "event")
        )
        for name, host in sorted(self._switch.hosts.items()):
            standing, well = host.links.states(), host.links.health(now)
            for state in LinkState:
                if state is not LinkState.DISCONNECTED:
                    states.add_metric((name, state.replace(" ", "_")), standing[state])
            for each in Health:
                health.add_metric((name, each), each is well)
            for event in LINK_EVENTS:
                labels = (name, event.replace(" ", "_").replace("-", "_"))
                events.add_metric(labels, host.links.counts[event])
        yield from (states, health, events)
