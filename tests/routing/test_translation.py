"""Between two dialects: every field of every mapping file does what its rule says."""

from __future__ import annotations

from typing import NamedTuple

import msgspec
import pytest

from codec import Message, build, dialect
from codec.spec import Field
from gateway.mappings import mappings
from routing.clock import de7
from routing.translation import Direction, Mapping, MappingError, Translator, check
from tests.codec.samples import sample_value
from tests.routing.world import BANK, HEADER, ISO, POS, World, answer, sale

MAPPINGS = {(each.terminal, each.host): each for each in mappings()}
NOW = World().now
SPECIAL = {
    2: "4761739001010119",
    3: "000000",
    4: "000000001000",
    7: "1123171500",
    35: "4761739001010119=30122011000012300",
    39: "00",
    60: "22000007000",
}


class Rule(NamedTuple):
    """One cell: a field of one direction of one mapping file, and what becomes of it."""

    terminal: str
    host: str
    direction: str
    de: int
    does: str

    def __str__(self) -> str:
        return f"{self.terminal}>{self.host} {self.direction} {self.de} {self.does}"


def rules() -> list[Rule]:
    found = []
    for (terminal, host), mapping in MAPPINGS.items():
        for direction, source in (("request", terminal), ("answer", host)):
            table: Direction = getattr(mapping, direction)
            for de in sorted(dialect(source).fields):
                echoes = ["echo"] if de in table.echo else []
                does = [n for n in ("copy", "drop", "clip") if de in getattr(table, n)] or echoes
                found += [Rule(terminal, host, direction, de, each) for each in does]
    return found


def value_for(source: Field, target: Field | None, de: int) -> str:
    """Digits that fit both sides."""
    if de in SPECIAL and (target is None or de in (2, 3, 4, 35, 39)):
        return SPECIAL[de]
    longest = min(source.length, target.length if target else source.length, 8)
    fixed = source.length_form == "fixed"
    units = source.length if fixed else longest
    if source.content == "text":
        both = target is not None and target.content == "binary"
        return ("12" * units)[:units] if not both else ("12" * units)[: units // 2 * 2]
    return sample_value(source, units).replace("=", "1")


def header(name: str) -> bytes:
    return HEADER if name == POS else b""


@pytest.mark.parametrize("rule", rules(), ids=str)
def test_every_field_follows_its_rule(rule: Rule) -> None:
    mapping = MAPPINGS[rule.terminal, rule.host]
    translator = Translator(mapping)
    to_host = rule.direction == "request"
    source, target = dialect(rule.terminal), dialect(rule.host)
    if not to_host:
        source, target = target, source
    value = value_for(source.fields[rule.de], target.fields.get(rule.de), rule.de)
    given = build(source, "0200" if to_host else "0210", {rule.de: value}, header(source.name))
    request = sale(rule.terminal)
    asked, answered = translator.request, translator.answer
    result = asked(given, NOW) if to_host else answered(given, request, NOW)
    expected = outcome(rule, getattr(mapping, rule.direction), value, request)
    assert result.get(rule.de) == expected
    assert Message(result.raw, target) == result


def outcome(rule: Rule, table: Direction, value: str, request: Message) -> str | None:
    """What must stand in the field afterwards; None for nothing."""
    if rule.de in table.echo and request.has(rule.de):
        return request[rule.de]
    match rule.does:
        case "copy":
            return value
        case "clip":
            return value[: table.clip[rule.de]]
    fill = table.fill.get(rule.de)
    if fill is None:
        return None
    if fill.startswith("="):
        return fill[1:]
    local = NOW.local()
    times = {"transmission-time": de7(NOW), "local-time": local.strftime("%H%M%S")}
    return (times | {"local-date": local.strftime("%m%d")})[fill]


@pytest.mark.parametrize("pair", list(MAPPINGS), ids="-".join)
def test_a_whole_sale_goes_there_and_its_answer_comes_back(pair: tuple[str, str]) -> None:
    world = World(*pair)
    request = sale(pair[0], de55="9F2608E0123456789ABCDE")
    world.says(1, request)
    (sent,) = world.charges_sent
    assert sent.dialect.name == pair[1]
    assert sent[55] == "9F2608E0123456789ABCDE"
    assert (sent[2], sent[3], sent[4], sent[41], sent[42]) == tuple(
        request[de] for de in (2, 3, 4, 41, 42)
    )
    assert sent.has(49)
    world.answers(answer(sent, de55="9110AABB00112233445566"[:22]))
    (told,) = world.told
    assert told.message.dialect.name == pair[0]
    assert told.message.mti == "0210"
    assert told.message[11] == request[11]
    assert (told.message[37], told.message[38]) == ("RRN000000042", "AUTH42")
    assert told.message[55] == "9110AABB00112233445566"
    assert not told.message.has(64)


def test_a_pos_terminal_before_a_1987_host_gets_a_de7_and_a_stan_of_the_gateways_own() -> None:
    world = World(POS, ISO)
    for number in (1, 2):
        world.says(number, sale(POS, de41=f"T000000{number}"))
    first, second = world.charges_sent
    assert first[7] == de7(world.now)
    assert first[11] != second[11]


def test_a_pos_host_behind_1987_terminals_sees_the_terminals_own_stan() -> None:
    world = World(ISO, POS)
    world.says(1, sale(ISO, 77))
    assert world.charges_sent[0][11] == "000077"
    assert world.charges_sent[0]["60.2"] == "000001"


def test_a_charge_worded_as_another_class_for_its_host_gives_its_key_back() -> None:
    """A refund in an authorisation's MTI is a 0220 to the host: answered, or given up."""
    world = World(ISO, POS)
    for stan in range(61, 66):
        world.says(1, sale(ISO, stan, mti="0100", de3="200000"))
    assert {each.mti for each in world.charges_sent} == {"0220"}
    keys = world.switch.hosts[BANK].keys
    assert keys.in_flight() == 5
    world.wait(400)
    assert keys.in_flight() == 0


GOOD = MAPPINGS[POS, ISO]


def test_the_shipped_mappings_are_whole() -> None:
    for mapping in MAPPINGS.values():
        check(mapping)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"copy": GOOD.request.copy[1:]}, "none for [2]"),
        ({"drop": (*GOOD.request.drop, 2)}, "two rules for [2]"),
        ({"fill": {7: "whenever"}}, "unknown fills ['whenever']"),
    ],
)
def test_a_mapping_that_is_not_whole_is_refused(change: dict[str, object], says: str) -> None:
    broken = msgspec.structs.replace(GOOD, request=msgspec.structs.replace(GOOD.request, **change))
    assert isinstance(broken, Mapping)
    with pytest.raises(MappingError) as caught:
        Translator(broken)
    assert says in str(caught.value)
