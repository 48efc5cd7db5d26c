"""Keys of a terminal that went out of service are good for nothing, whoever brings them again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from codec.keys import check_value, wrap
from gateway.desk.key_desk import KeyDesk, hang_keys_of_file
from gateway.desk.requests import BringComponent, LoadKey
from gateway.keys.software import SoftwareCustody
from routing.accounts.asked import Action, Asked, File, Record, Reply, Verb
from routing.accounts.backup import Evidence, Sums
from tests.gateway.custodies import KEK, sealed
from tests.gateway.day_stage import MERCHANT, TERMINAL, Day, day
from tests.gateway.merchants_day import CONFIG, POS, Pos
from tests.gateway.test_key_restart import sells, signs_in
from tests.routing.accounts.test_deactivation import back_up
from tests.routing.accounts.test_revocation import PLACE, Street
from tests.routing.street import TILL

if TYPE_CHECKING:
    from pathlib import Path

    from gateway.keys.wrapped import WrappedKey
    from routing.clock import Now

PEOPLE: Final = """
[accounts]
people = [
    {name = "clara", roles = ["clerk"]},
    {name = "rita", roles = ["reviewer"]},
]
"""
TEXT: Final = CONFIG.format(dialect=POS, algorithm="cup-ecb") + PEOPLE
PARTS: Final = ("0123456789ABCDEFFEDCBA9876543210", "1032547698BADCFE0123456789ABCDEF")
WHOLE: Final = bytes(
    a ^ b for a, b in zip(*(bytes.fromhex(each) for each in PARTS), strict=True)
).hex()
TRANSPORT: Final = "31313131313131313232323232323232"


async def asked(stage: Day, verb: Verb, who: str, **record: Any) -> Reply:
    """A person's word, once it is durable."""
    told: list[Reply] = []
    file = File.TERMINAL if verb in (Verb.ENQUIRE, Verb.REQUEST) else None
    action = {Verb.ENQUIRE: Action.ENQUIRE, Verb.REQUEST: Action.CHANGE}.get(verb)
    asks = Asked(verb=verb, file=file, action=action, who=who, record=Record(**record))
    stage.switch.office.ask(asks, lambda reply, _: told.append(reply), stage.clock.now())
    await stage.until(lambda: told)
    return told[0]


async def goes(stage: Day, kind: str) -> str:
    """The terminal goes out of service, its batch settled: the number of the request."""
    about = {"merchant": MERCHANT, "terminal": TERMINAL, "state": "DEACTIVATED", "kind": kind}
    token = (await asked(stage, Verb.ENQUIRE, "clara", **about)).token
    about |= {"token": token, "reason": "printer jams", "contact": "010 555 000"}
    number = (await asked(stage, Verb.REQUEST, "clara", **about)).request
    await asked(stage, Verb.APPROVE, "rita", request=number)
    office = stage.switch.office
    await stage.until(office.devices.backups_wanted)
    (wanted,) = office.devices.backups_wanted()
    sums = Sums(1, 1000, "aa")
    office.devices.backed_up(wanted, Evidence(sums, sums, "T.backup"), stage.clock.now())
    return number


async def test_after_revocation_neither_key_nor_tmk_is_good_over_sockets_or_a_restart(
    tmp_path: Path,
) -> None:
    pos = Pos()
    async with day(tmp_path, TEXT, "cup-ecb") as stage:
        key = await signs_in(stage, pos)
        assert (await sells(stage, pos, key))[39] == "00"
        told = await stage.till.asks(pos.totals(1_000, 1, 0, 0))
        assert told[39] == "00"
        await goes(stage, "VIOLATION")
        await stage.settled()
        assert stage.switch.keys.text("tmk", f"{MERCHANT}|{TERMINAL}") == ""
        await _is_barred(stage, pos, key)
    async with day(tmp_path, TEXT, "cup-ecb") as stage:
        assert stage.switch.keys.text("tmk", f"{MERCHANT}|{TERMINAL}") == ""
        await _is_barred(stage, pos, key)


async def _is_barred(stage: Day, pos: Pos, key: Any) -> None:
    """It has no key: what it signs is not believed, and answers carry no MAC."""
    stage.till.key = key
    await stage.till.says(pos.sale(1_000))
    stage.till.key = None
    assert (await stage.till.hears())[39] == "58"
    assert (await stage.till.asks(pos.manages("0800", "003")))[39] == "58"
    assert (await stage.till.asks(pos.manages("0820", "002")))[39] == "00"


# Who brings a revoked key again


class _Clock:
    """A street's time."""

    def __init__(self, street: Street) -> None:
        self._street = street

    def now(self) -> Now:
        """This instant."""
        return self._street.now


class _Floor:
    """A street whose journal takes at once."""

    def __init__(self, street: Street) -> None:
        self._street = street

    async def settle(self) -> None:
        """Durable."""
        self._street.settle()


def _gone(street: Street, key: WrappedKey) -> None:
    """The terminal goes with the TMK `key`."""
    street.goes("FAULT")
    back_up(street)
    street.restart()
    assert street.ring.was_revoked(PLACE, key.check)


async def test_a_key_file_does_not_bring_a_revoked_tmk_back() -> None:
    street, custody = Street(), SoftwareCustody([KEK])
    old = await sealed(custody).known(WHOLE, "tmk", TILL.key)
    street.ring.take_off(PLACE, street.now)
    assert await hang_keys_of_file([old], custody, street.switch, _Clock(street)) == 1
    _gone(street, old)
    assert await hang_keys_of_file([old], custody, street.switch, _Clock(street)) == 0
    other = await sealed(custody).known(TRANSPORT, "tmk", TILL.key)
    assert await hang_keys_of_file([other], custody, street.switch, _Clock(street)) == 1
    assert street.ring.text("tmk", TILL.key) == str(other)


async def test_persons_can_not_bring_a_revoked_tmk_back_but_another_one() -> None:
    street, custody = Street(), SoftwareCustody([KEK])
    street.ring.take_off(PLACE, street.now)

    async def bring(*parts: str) -> int:
        desk = KeyDesk(custody, street.switch, _Floor(street), _Clock(street))  # type: ignore[arg-type]
        for number, part in enumerate(parts):
            clear = bytes.fromhex(part)
            held = sealed(custody).typed(clear, "tmk")
            component = await custody.seal_component(
                held, check_value(clear), "tmk", TILL.key, "des"
            )
            request = BringComponent(
                usage="tmk", owner=TILL.key, count=len(parts), component=str(component)
            )
            said = await desk.do(request, f"person {number}")
        return said.status

    assert await bring(*PARTS) == 200
    key = await sealed(custody).known(WHOLE, "tmk", TILL.key)
    assert street.ring.text("tmk", TILL.key)
    _gone(street, key)
    assert await bring(*PARTS) == 409
    assert not street.ring.text("tmk", TILL.key)
    assert await bring(*PARTS, TRANSPORT) == 200
    assert street.ring.text("tmk", TILL.key)


async def test_a_revoked_tmk_is_not_loaded_under_a_transport_key_either() -> None:
    street, custody = Street(), SoftwareCustody([KEK])
    desk = KeyDesk(custody, street.switch, _Floor(street), _Clock(street))  # type: ignore[arg-type]
    zmk = await sealed(custody).known(TRANSPORT, "zmk", "vendor")
    assert await hang_keys_of_file([zmk], custody, street.switch, _Clock(street)) == 1

    def load(clear: str) -> LoadKey:
        data = wrap(bytes.fromhex(TRANSPORT), bytes.fromhex(clear))
        check = check_value(bytes.fromhex(clear))
        return LoadKey(
            usage="tmk",
            owner=TILL.key,
            transport="vendor",
            data=data.hex(),
            check=check.hex(),
        )

    assert (await desk.do(load(WHOLE), "Ana")).status == 200
    _gone(street, await sealed(custody).known(WHOLE, "tmk", TILL.key))
    desk = KeyDesk(custody, street.switch, _Floor(street), _Clock(street))  # type: ignore[arg-type]
    assert (await desk.do(load(WHOLE), "Ana")).status == 409
    assert (await desk.do(load(PARTS[0]), "Ana")).status == 200
