"""The catalogue, the code, the documents and a real scrape say the same."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest
import trio
from prometheus_client.parser import text_string_to_metric_families

from codec import Message
from gateway.config import load
from gateway.ops.catalogue import CATALOGUE, SERIES_MAX, page, series_max, shape_of
from gateway.ops.metric import Kind, Shape
from gateway.ops.survey import SLICE, look
from gateway.ops.words import BOUNDS, ENDED, UNMATCHED
from routing.states import State
from tests.gateway.test_gateway import Bank, gateway
from tests.gateway.test_gateway import bank as bank  # noqa: PLC0414 - the fixture
from tests.routing.world import ISO, World, answer, reversal, sale

if TYPE_CHECKING:
    from prometheus_client import Metric as Family

ROOT: Final = Path(__file__).parents[2]
README: Final = (ROOT / "README.md").read_text("utf-8")
SUFFIXES: Final = {
    Kind.COUNTER: ("",),
    Kind.GAUGE: ("",),
    Kind.HISTOGRAM: ("_bucket", "_sum", "_count"),
}
ENDS: Final = re.compile(
    r"(?:lose\(\w+, |refused\[|FilterError\(|close\(\w+\.?\w*, |return |CloseLink\([\w.]+, )"
    r'"([a-zA-Z][^"]+)"'
)
ENDS_IN: Final = (
    *("gateway/wire/_driver.pyx", "gateway/wire/connection.pyx", "gateway/wire/engine.py"),
    *("gateway/wire/tls.py", "gateway/wire/proxy.py", "gateway/turns.py", "routing/network.py"),
)
NO_ENDS: Final = frozenset(
    {"unknown", "it refuses the sign-on", "blocked until a good MAC key comes"}
)


def families(text: str) -> dict[str, Family]:
    """By the name of the catalogue."""
    found = {}
    for family in text_string_to_metric_families(text):
        found[family.name + "_total" * (family.type == "counter")] = family
    return found


async def test_a_scrape_exposes_what_is_catalogued_and_nothing_else(
    tmp_path: Path, bank: Bank
) -> None:
    bank.decides = lambda message: "51" if message[11].endswith("2") else "00"
    async with gateway(tmp_path, bank) as running:
        terminal = await running.terminal()
        for stan in range(1, 6):
            await terminal.asks(sale(stan=stan))
        await terminal.asks(reversal(sale(stan=5)))
        await running.until(lambda: running.state(5) is State.REVERSED)
        exposed = families((await running.http.get("/metrics")).text)
        assert set(exposed) == set(CATALOGUE)
        for name, family in exposed.items():
            metric = CATALOGUE[name]
            assert (family.type, family.documentation) == (metric.kind, metric.help)
            for sample in family.samples:
                assert sample.name in {name + suffix for suffix in SUFFIXES[metric.kind]}
                labels = {key: word for key, word in sample.labels.items() if key != "le"}
                assert set(labels) == {label.name for label in metric.labels}
                for label in metric.labels:
                    assert not label.words or labels[label.name] in label.words, name
        await terminal.vanish()


async def test_the_series_of_a_scrape_are_fewer_than_their_bound(
    tmp_path: Path, bank: Bank
) -> None:
    async with gateway(tmp_path, bank) as running:
        text = (await running.http.get("/metrics")).text
    of = shape_of(load(ROOT / "examples" / "relay.toml"))
    for name, family in families(text).items():
        assert len(family.samples) <= CATALOGUE[name].series_max(of), name
    assert series_max(of) < SERIES_MAX
    assert series_max(Shape(hosts=3, listeners=4, dialects=2)) < SERIES_MAX


def test_every_metric_is_well_named() -> None:
    for name, metric in CATALOGUE.items():
        assert name.startswith(("gateway_", "process_"))
        assert name.endswith("_total") == (metric.kind is Kind.COUNTER), name
        assert (metric.kind is Kind.HISTOGRAM) == bool(metric.buckets), name
        assert "milli" not in metric.unit
        if metric.unit.startswith("seconds"):
            assert re.search(r"_seconds(_total)?$", name), name
        assert metric.help.endswith("."), name
        assert all(label.words or label.most for label in metric.labels), name


def test_a_word_that_nobody_knows_is_exposed_as_other() -> None:
    ended = CATALOGUE["gateway_connections_ended_total"]
    family = ended.by({"reset": 2, "card 4761739001010119": 1, "sunspots": 1})
    by_reason = {sample.labels["reason"]: sample.value for sample in family.samples}
    assert (by_reason["reset"], by_reason["other"], by_reason["idle"]) == (2, 2, 0)
    assert len(by_reason) == len(ENDED) + 1


def test_every_reason_in_the_code_for_which_a_connection_ends_is_known() -> None:
    said = set()
    for name in ENDS_IN:
        said |= set(ENDS.findall((ROOT / name).read_text("utf-8")))
    assert said - NO_ENDS <= set(ENDED)


def test_every_bound_of_the_process_stands_in_readme() -> None:
    limits = README.split("\n## Limits\n")[1].split("\n## ")[0]
    for bound in BOUNDS:
        assert bound.removeprefix("wire.") in limits, bound


def test_readme_names_no_metric_that_does_not_exist() -> None:
    known = {name + suffix for name, m in CATALOGUE.items() for suffix in SUFFIXES[m.kind]}
    named = set(re.findall(r"`(gateway_[a-z_]+)", README))
    assert named <= known | set(CATALOGUE)


def test_the_page_on_metrics_is_written_from_the_catalogue() -> None:
    written = (ROOT / "docs" / "metrics.md").read_text("utf-8")
    assert written == page(), "run: python -m gateway.ops.catalogue"


# What is new to count


def test_an_answer_whose_key_is_wrong_in_one_part_is_counted_by_that_part() -> None:
    world = World(ISO)
    world.says(1, sale(ISO))
    sent = world.charges_sent[0]
    stranger = Message(sent.raw, sent.dialect)
    stranger.set_mti("0210")
    stranger.patch(7, "0101000000")
    world.answers(stranger)
    assert world.switch.host_side.unmatched == {("bank", "key: DE 7 differs"): 1}
    assert "key: DE 7 differs" in UNMATCHED


def test_the_own_part_of_a_charges_time_is_kept_apart_from_the_hosts() -> None:
    world = World(ISO)
    world.hears(1, sale(ISO))
    outbox = world.commit()
    world.monotonic += 0.004
    world.release(outbox)
    world.wait(2.0)
    world.answers(answer(world.charges_sent[0]))
    ours, reply = world.switch.to_host_s, world.switch.hosts["bank"].reply_s
    assert (ours.count, ours.sum) == (1, pytest.approx(0.004))
    assert (reply.count, reply.sum) == (1, pytest.approx(2.0))
    assert world.switch.to_terminal_s.count == 1


@pytest.mark.parametrize("count", [0, 1, SLICE, SLICE + 1])
async def test_a_look_at_the_open_charges_gives_others_their_turn(count: int) -> None:
    world = World(ISO)
    for number in range(count):
        world.says(number, sale(ISO, stan=number + 1))
    turns = 0

    async def others() -> None:
        nonlocal turns
        while True:
            turns += 1
            await trio.lowlevel.checkpoint()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(others)
        seen = await look(world.switch.life.book)
        nursery.cancel_scope.cancel()
    assert (seen.open, seen.at_risk.total()) == (count, 1_000 * count)
    assert turns >= count // SLICE
