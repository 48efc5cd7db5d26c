"""The whole gateway in this process: real sockets, the real journal, a small bank on a thread."""

from __future__ import annotations

import gc
import random
import re
import socket
import threading
from contextlib import asynccontextmanager, closing
from io import StringIO
from typing import TYPE_CHECKING, Any, Final

import httpx
import pytest
import trio

from codec import Framer, Message, dialect
from codec.framing import frame
from gateway.account_metrics import AccountCollector
from gateway.admin import AdminSite
from gateway.app import open_journal
from gateway.audit import Audit
from gateway.backups import Backups
from gateway.bank_post import BankPost
from gateway.canary import Canary
from gateway.clock import SystemClock
from gateway.config import load
from gateway.desk.desk import Desk
from gateway.desk.floor import LiveFloor
from gateway.desk.key_desk import hang_keys_of_file
from gateway.desk_metrics import DeskCollector
from gateway.doors import Doors
from gateway.journal import JournalError
from gateway.key_metrics import KeyCollector
from gateway.lifecycle import Lifecycle
from gateway.log import Log
from gateway.metrics import GatewayCollector, Metrics
from gateway.node import Node, recovered
from gateway.notices import NoticePost
from gateway.ops.bounds import BoundsCollector
from gateway.ops.health import HealthCollector
from gateway.registry_metrics import RegistryCollector
from gateway.reload import Reload
from gateway.terminal_metrics import TerminalCollector
from gateway.tools import Tools
from gateway.wire import Engine
from routing.charge import Charge, Event, State
from routing.clock import Now
from tests.routing.world import ISO, answer, confirmation, refund, repeated, reversal, sale, void

if TYPE_CHECKING:
    import ssl
    from collections.abc import AsyncIterator, Callable, Iterator, Sequence
    from pathlib import Path

    from gateway.journal import Journal
    from gateway.keys.port import KeyCustody
    from gateway.keys.wrapped import WrappedKey
    from routing.switch import Switch

WAIT_S: Final = 5.0
SPOKEN: Final = dialect(ISO)
CONFIG: Final = """
[[listener]]
name = "counter"
port = 0
terminal_resolves_first = true
[[host]]
name = "bank"
links = 1
answer_timeout_s = 0.4
[service]
delivery_proof_s = 1
[[merchant]]
id = "CONFIRMS0000001"
proof = "confirmation"
window_s = 30
[reversal]
schedule_s = [0, 0.1]
answer_timeout_s = 1
reorder_margin_s = 1
[wire]
acknowledgement_settles_s = 0.1
"""


class Bank:
    """A host on a thread: approves what it gets, unless a test says otherwise."""

    def __init__(self) -> None:
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._server.getsockname()[1]
        self.got: list[Message] = []
        self.decides: Callable[[Message], str | None] = lambda _: "00"
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._links: list[socket.socket] = []
        self._threads[0].start()

    def _accept(self) -> None:
        while True:
            try:
                link, _ = self._server.accept()
            except OSError:
                return
            self._links.append(link)
            thread = threading.Thread(target=self._serve, args=(link,), daemon=True)
            self._threads.append(thread)
            thread.start()

    def _serve(self, link: socket.socket) -> None:
        framer = Framer()
        try:
            while data := link.recv(65_536):
                for body in framer.feed(data):
                    message = Message(body, SPOKEN)
                    self.got.append(message)
                    code = self.decides(message)
                    if code is not None:
                        link.sendall(frame(answer(message, code).raw))
        except OSError:
            return

    def answer_late(self, message: Message) -> None:
        """Over its first link."""
        self._links[0].sendall(frame(answer(message).raw))

    def with_mti(self, start: str) -> list[Message]:
        """What it got with such an MTI."""
        return [message for message in self.got if message.mti.startswith(start)]

    def close(self) -> None:
        """End, and wait for the threads."""
        for sock in (self._server, *self._links):
            try:
                sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue
            finally:
                sock.close()
        for thread in self._threads:
            thread.join(WAIT_S)


class Terminal:
    """One terminal's connection."""

    def __init__(self, stream: trio.abc.Stream) -> None:
        self._stream = stream
        self._framer = Framer()
        self.shown = b""
        """The certificate that the gateway showed, with TLS."""

    async def send(self, message: Message) -> None:
        """Say something."""
        await self._stream.send_all(frame(message.raw))

    async def hear(self) -> Message:
        """The next answer."""
        with trio.fail_after(WAIT_S):
            while True:
                frames = self._framer.feed(await self._stream.receive_some(65_536))
                if frames:
                    return Message(frames[0], SPOKEN)

    async def asks(self, message: Message) -> Message:
        """Say something and hear the answer."""
        await self.send(message)
        return await self.hear()

    async def vanish(self) -> None:
        """Close."""
        await self._stream.aclose()


class Running:
    """A gateway that runs, and the doors to it."""

    def __init__(self, switch: Switch, node: Node, site: AdminSite, port: int) -> None:
        self.switch = switch
        self.node = node
        self.port = port
        self.canary: Canary
        self.notices: NoticePost
        self.backups: Backups
        self.path: Path
        self.settings: list[str]
        """Overrides; a reload uses what stands here then."""
        self.reload: Reload
        transport = httpx.ASGITransport(app=site._app())
        self.http = httpx.AsyncClient(transport=transport, base_url="http://gateway")

    async def terminal(
        self, context: ssl.SSLContext | None = None, greets: bytes = b""
    ) -> Terminal:
        """A new terminal, of TLS if it has a context; a proxy `greets` before it."""
        stream = await trio.open_tcp_stream("127.0.0.1", self.port)
        await stream.send_all(greets)
        if context is None:
            return Terminal(stream)
        secured = trio.SSLStream(
            stream, context, server_hostname="localhost", https_compatible=True
        )
        await secured.do_handshake()
        terminal = Terminal(secured)
        terminal.shown = secured.getpeercert(binary_form=True)
        return terminal

    async def ended(self) -> dict[str, float]:
        """Connections that were ended or refused by now, by reason."""
        text = (await self.http.get("/metrics")).text
        told = re.findall(r'^gateway_connections_ended_total\{reason="(.*)"\} (.*)$', text, re.M)
        return {reason: float(count) for reason, count in told if float(count)}

    async def until(self, done: Callable[[], Any]) -> None:
        """Wait for something that the gateway does by itself."""
        with trio.fail_after(WAIT_S):
            while not done():  # noqa: ASYNC110 - what is waited for is seen from outside
                await trio.sleep(0.01)

    def state(self, stan: int = 1) -> State:
        """Where the newest charge with this STAN stands."""
        book = self.switch.life.book
        return next(c.state for c in book.newest() if c.stan == f"{stan:06d}")


@pytest.fixture
def bank() -> Iterator[Bank]:
    with closing(Bank()) as made:
        yield made


@asynccontextmanager
async def gateway(
    folder: Path,
    bank: Bank,
    *overrides: str,
    wrap: Callable[[Journal], Journal] = lambda j: j,
    custody: KeyCustody | None = None,
    keys: Sequence[WrappedKey] = (),
) -> AsyncIterator[Running]:
    """One life of a gateway on the journal in `folder`."""
    path = folder / "gateway.toml"
    path.write_text(CONFIG)
    places = [f"host.0.port={bank.port}", f"journal.path={folder / 'isogate.db'}"]
    with socket.create_server(("127.0.0.1", 0)) as found:
        port = found.getsockname()[1]
    settings = [*places, f"listener.0.port={port}", *overrides]
    config = load(path, settings)
    tools = Tools(SystemClock(), Metrics(), Log(StringIO()))
    journal = wrap(open_journal(config, tools.log))
    try:
        switch = await recovered(config, journal, tools)
        if custody is not None:
            await hang_keys_of_file(list(keys), custody, switch, tools.clock)
        engine = Engine(config.wire, tools.clock)
        doors = Doors(config, engine, tools.log)
        doors.prepare_hosts()
        jitter = random.Random(1)  # noqa: S311 - for pauses
        node = Node(config, switch, engine, journal, tools, jitter, custody)
        await node.restore_keys()
        lifecycle = Lifecycle(config, switch, engine, node.pipeline, tools)
        floor = LiveFloor(node.pipeline)
        desk = Desk(config, switch, floor, tools.clock, tools.offload)
        desk.canary = canary = Canary(config, switch, floor, tools)
        notices = NoticePost(config, switch, floor, tools)
        backups = Backups(config, switch, floor, tools)
        desk.payouts.bank = BankPost(config, switch, floor, tools)
        health = HealthCollector(config, lifecycle, doors, tools)
        collectors = (
            GatewayCollector(tools.metrics, switch, engine, node.links, tools.clock),
            DeskCollector(switch, canary, notices, tools.clock),
            RegistryCollector(switch),
            AccountCollector(switch, backups, tools.clock),
            TerminalCollector(switch, node.terminal_keys, node.key_workers),
            KeyCollector(switch, None, tools.clock),
            BoundsCollector(config, tools.metrics, switch, engine, notices, node, journal),
            health,
        )
        parts = (switch, node, doors)
        reload = Reload(config, lambda: load(path, settings), parts, tools, desk, canary)
        desk.reload = reload
        site = AdminSite(config.admin, switch, node.pipeline, lifecycle, collectors, desk)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(node.run)
            doors.open()
            for run in (canary.run, backups.run, desk.payouts.bank.run, health.run):
                nursery.start_soon(run)
            if config.notices.url:
                nursery.start_soon(notices.run)
            running = Running(switch, node, site, port)
            running.canary, running.notices, running.backups = canary, notices, backups
            running.path, running.settings, running.reload = path, settings, reload
            await running.until(switch.hosts["bank"].links.usable)
            yield running
            nursery.cancel_scope.cancel()
        engine.close_all()
    finally:
        journal.close()


def audited(folder: Path, *overrides: str) -> Any:
    settings = [f"journal.path={folder / 'isogate.db'}", *overrides]
    with Audit(load(folder / "gateway.toml", settings)) as books:
        return books.report()


async def test_a_sale_is_approved_delivered_and_served(tmp_path: Path, bank: Bank) -> None:
    async with gateway(tmp_path, bank) as running:
        terminal = await running.terminal()
        told = await terminal.asks(sale())
        assert (told.mti, told[39], told[11]) == ("0210", "00", "000001")
        await running.until(lambda: running.state() is State.PRESUMED_SERVED)
        await running.node.pipeline.settled()
        await terminal.vanish()
    report = audited(tmp_path)
    assert (report.charges, report.served, report.violations) == (1, 1, [])


async def test_a_decline_is_relayed_and_its_repeat_answered_alike(
    tmp_path: Path, bank: Bank
) -> None:
    bank.decides = lambda _: "51"
    async with gateway(tmp_path, bank) as running:
        terminal = await running.terminal()
        first = await terminal.asks(sale())
        assert first[39] == "51"
        assert (await terminal.asks(repeated(sale()))).raw == first.raw
        assert len(bank.with_mti("02")) == 1
        await terminal.vanish()


async def test_a_void_and_a_refund_go_to_the_host_and_outlive_a_restart(
    tmp_path: Path, bank: Bank
) -> None:
    async with gateway(tmp_path, bank) as running:
        terminal = await running.terminal()
        for stan in (1, 2):
            await terminal.asks(sale(stan=stan))
        assert (await terminal.asks(void(sale(stan=1))))[39] == "00"
        await running.until(lambda: running.state(1) is State.VOIDED)
        bank.decides = lambda message: None if message.mti == "0200" else "00"
        await running.until(lambda: running.state(2) is State.PRESUMED_SERVED)
        await terminal.send(void(sale(stan=2), stan=51))
        await running.until(lambda: len(bank.with_mti("02")) == 4)
        await terminal.vanish()
    async with gateway(tmp_path, bank) as running:
        await running.until(lambda: running.state(51) is State.REVERSED)
        assert running.state(2) is State.PRESUMED_SERVED
        bank.decides = lambda _: "00"
        terminal = await running.terminal()
        assert (await terminal.asks(refund(sale(stan=2), 400)))[39] == "00"
        assert (await terminal.asks(refund(sale(stan=2), 601, stan=61)))[39] == "61"
        await terminal.vanish()
    report = audited(tmp_path)
    assert (report.charges, report.served, report.reversed, report.violations) == (2, 1, 1, [])
    assert (report.voids, report.refunds) == ({"served": 1, "reversed": 1}, {"served": 1})
    assert (report.money["served"], report.money["refunded"]) == (600, 400)


async def test_an_advice_is_sent_again_after_a_restart_and_never_reversed(
    tmp_path: Path, bank: Bank
) -> None:
    advice, again = sale(mti="0220"), sale(mti="0221")
    bank.decides = lambda _: None
    async with gateway(tmp_path, bank) as running:
        terminal = await running.terminal()
        assert (await terminal.asks(advice))[39] == "68"
        await running.until(lambda: running.state() is State.CASE)
        await terminal.vanish()
    bank.decides = lambda _: "00"
    async with gateway(tmp_path, bank) as running:
        terminal = await running.terminal()
        told = await terminal.asks(again)
        assert (told.mti, told[39]) == ("0230", "00")
        assert running.state() is State.SERVED
        await terminal.vanish()
    first, second = bank.with_mti("022")
    assert (first.mti, second.mti) == ("0220", "0221")
    assert first.pick((3, 4, 7, 11, 41, 42)) == second.pick((3, 4, 7, 11, 41, 42))
    assert bank.with_mti("04") == []
    report = audited(tmp_path)
    assert (report.charges, report.served, report.violations) == (1, 1, [])


async def test_silence_is_told_68_and_reversed(tmp_path: Path, bank: Bank) -> None:
    bank.decides = lambda message: None if message.mti == "0200" else "00"
    async with gateway(tmp_path, bank) as running:
        terminal = await running.terminal()
        assert (await terminal.asks(sale()))[39] == "68"
        await running.until(lambda: running.state() is State.REVERSED)
        (reversed_,) = bank.with_mti("042")
        assert reversed_[2] == sale()[2]
        await terminal.vanish()


async def test_a_terminal_that_vanished_before_its_answer(tmp_path: Path, bank: Bank) -> None:
    asked = threading.Event()
    bank.decides = lambda message: "00" if message.mti != "0200" or asked.wait(WAIT_S) else None
    async with gateway(tmp_path, bank, "host.0.answer_timeout_s=5") as running:
        terminal = await running.terminal()
        await terminal.send(sale())
        await running.until(lambda: bank.got)
        await terminal.vanish()
        await running.until(lambda: not len(running.switch.life.book.on_conn(2)))
        await trio.sleep(0.1)
        asked.set()
        await running.until(lambda: running.state() is State.REVERSED)


async def test_a_confirmation_serves_and_a_terminals_reversal_undoes(
    tmp_path: Path, bank: Bank
) -> None:
    confirming: dict[str, Any] = {"de42": "CONFIRMS0000001"}
    async with gateway(tmp_path, bank) as running:
        terminal = await running.terminal()
        assert (await terminal.asks(sale(**confirming)))[39] == "00"
        assert (await terminal.asks(confirmation(sale(**confirming))))[39] == "00"
        assert running.state() is State.SERVED
        assert (await terminal.asks(sale(stan=2)))[39] == "00"
        assert (await terminal.asks(reversal(sale(stan=2))))[39] == "00"
        await running.until(lambda: running.state(2) is State.REVERSED)
        await terminal.vanish()


async def test_tills_and_operators_speak_http(tmp_path: Path, bank: Bank) -> None:
    async with gateway(tmp_path, bank) as running:
        terminal = await running.terminal()
        await terminal.asks(sale(de42="CONFIRMS0000001"))
        http = running.http
        (found,) = (await http.get("/charges", params={"stan": "000001"})).json()
        place = f"/charges/{found['id']}/service"
        answered = await http.post(place, json={"served": True})
        assert (answered.status_code, answered.json()["code"]) == (200, "00")
        late = await http.post(place, json={"served": False, "reason": "GOODS_NOT_SOLD"})
        assert (late.status_code, late.json()["code"]) == (409, "22")
        assert (await http.post("/charges/99/service", json={"served": True})).status_code == 404
        assert (await http.post(place, json={"serve": True})).status_code == 400
        assert (await http.get("/charges")).status_code == 400
        assert (await http.get("/cases")).json() == []
        assert (await http.post("/cases/1/close", json={"how": "retry"})).status_code == 404
        assert (await http.post("/cases/1/close", json={"how": "magic"})).status_code == 400
        await terminal.vanish()


@pytest.mark.filterwarnings("ignore:.*ByteStream:pytest.PytestUnraisableExceptionWarning")
async def test_a_body_that_is_too_long_is_not_read_to_its_end(tmp_path: Path, bank: Bank) -> None:
    """The client's own sender is cut off, which that client warns of."""
    async with gateway(tmp_path, bank) as running:
        place = "/charges/1/service"
        assert (await running.http.post(place, content=b"x" * 5_000)).status_code == 400
        gc.collect()


async def test_health_and_metrics(tmp_path: Path, bank: Bank) -> None:
    async with gateway(tmp_path, bank) as running:
        terminal = await running.terminal()
        await terminal.asks(sale())
        assert (await running.http.get("/livez")).status_code == 200
        assert (await running.http.get("/readyz")).status_code == 200
        text = (await running.http.get("/metrics")).text
        approved = 'dialect="iso87-ascii",host="bank",mti_class="financial",outcome="approved"'
        assert f"gateway_transactions_total{{{approved}}} 1.0" in text
        for name in ("open_charges", "reversals_due", "cases_open", "terminals_connected"):
            assert f"\ngateway_{name} " in text
        assert sale()[2] not in text
        bank.close()
        await running.until(lambda: not running.switch.hosts["bank"].links.usable())
        not_ready = await running.http.get("/readyz")
        assert (not_ready.status_code, "no usable link" in not_ready.text) == (503, True)
        await terminal.vanish()


async def test_changing_something_needs_the_token_where_there_is_one(
    tmp_path: Path, bank: Bank
) -> None:
    token = tmp_path / "token"
    token.write_text("open sesame\n")
    async with gateway(tmp_path, bank, f"admin.token_file={token}") as running:
        body = {"served": True}
        for headers in ({}, {"authorization": "Bearer wrong"}):
            refused = await running.http.post("/charges/1/service", json=body, headers=headers)
            assert refused.status_code == 401
        headers = {"authorization": "Bearer open sesame"}
        passed = await running.http.post("/charges/1/service", json=body, headers=headers)
        assert passed.status_code == 404
        assert (await running.http.get("/readyz")).status_code == 200


async def test_what_was_in_flight_at_a_stop_is_reversed_in_the_next_life(
    tmp_path: Path, bank: Bank
) -> None:
    bank.decides = lambda message: None if message.mti == "0200" else "00"
    async with gateway(tmp_path, bank, "host.0.answer_timeout_s=30") as running:
        terminal = await running.terminal()
        await terminal.send(sale())
        await running.until(lambda: bank.got)
        await terminal.vanish()
    async with gateway(tmp_path, bank) as running:
        await running.until(lambda: running.state() is State.REVERSED)
    (reversed_,) = bank.with_mti("042")
    assert reversed_[2] == sale()[2]
    assert audited(tmp_path).violations == []


class FailingJournal:
    """A journal before which `fails` stands: "append", "find" or nothing."""

    keeps_nothing = False

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self.fails = ""
        self.start, self.close = journal.start, journal.close

    def append(self, records: Any) -> Any:
        """As the journal, or an error."""
        return self._or_fail("append", self._journal.append, records)

    def find(self, original: Any) -> Any:
        """As the journal, or an error."""
        return self._or_fail("find", self._journal.find, original)

    def _or_fail(self, name: str, function: Callable[[Any], Any], argument: Any) -> Any:
        if self.fails == name:
            raise JournalError(f"journal.path x: {name} fails")
        return function(argument)


async def failing(folder: Path, bank: Bank) -> Any:
    made: list[FailingJournal] = []

    def wrap(journal: Journal) -> Any:
        made.append(FailingJournal(journal))
        return made[0]

    return gateway(folder, bank, "host.0.answer_timeout_s=5", wrap=wrap), made


async def test_while_the_journal_fails_nothing_leaves_and_then_all_goes_on(
    tmp_path: Path, bank: Bank
) -> None:
    manager, made = await failing(tmp_path, bank)
    async with manager as running:
        terminal, other = await running.terminal(), await running.terminal()
        made[0].fails = "append"
        await terminal.send(sale())
        await running.until(lambda: running.node.pipeline.failing_since)
        assert bank.got == []
        assert "journal fails" in (await running.http.get("/readyz")).text
        await other.send(sale(stan=2, de41="T0000002"))
        await trio.sleep(0.05)
        made[0].fails = ""
        assert (await terminal.hear())[39] == "00"
        assert (await other.hear())[39] == "96"
        assert (await running.http.get("/readyz")).status_code == 200
        await terminal.vanish()
        await other.vanish()


async def test_a_look_up_that_fails_once_does_not_close_the_shop(
    tmp_path: Path, bank: Bank
) -> None:
    manager, made = await failing(tmp_path, bank)
    async with manager as running:
        terminal = await running.terminal()
        made[0].fails = "find"
        await terminal.send(reversal(sale(stan=77)))
        await trio.sleep(0.1)
        made[0].fails = ""
        assert (await terminal.asks(sale()))[39] == "00"
        await terminal.vanish()


async def test_a_charge_that_nobody_else_would_ask_for_again_is_asked_for_until_it_is_found(
    tmp_path: Path, bank: Bank, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.pipeline._RETRY_MAX_S", 0.01)
    manager, made = await failing(tmp_path, bank)
    async with manager as running:
        terminal = await running.terminal()
        assert (await terminal.asks(sale()))[39] == "00"
        await running.node.pipeline.settled()
        book = running.switch.life.book
        charge = next(iter(book.newest()))
        book.remove(charge)
        made[0].fails = "find"
        running.switch.recall(charge.id)
        lookups = running.switch.life.outbox.lookups
        lookups.append(lookups.pop()._replace(stays=True))
        running.node.pipeline.kick()
        await running.until(lambda: running.node.pipeline._metrics.journal_errors >= 3)
        assert book.get(charge.id) is None
        made[0].fails = ""
        await running.until(lambda: book.get(charge.id) is not None)
        await terminal.vanish()


async def test_a_till_is_answered_though_charges_come_without_a_pause(
    tmp_path: Path, bank: Bank
) -> None:
    async with gateway(tmp_path, bank) as running:
        terminal = await running.terminal()
        await terminal.asks(sale(de42="CONFIRMS0000001"))

        async def street() -> None:
            busy = await running.terminal()
            try:
                for stan in range(100_000):
                    await busy.send(sale(stan=stan + 2, de41="T0000002"))
            finally:
                await busy.vanish()

        async with trio.open_nursery() as nursery:
            nursery.start_soon(street)
            await running.until(lambda: len(bank.got) > 20)
            with trio.fail_after(2):
                answered = await running.http.post("/charges/1/service", json={"served": True})
            assert answered.status_code == 200
            nursery.cancel_scope.cancel()
        await terminal.vanish()


async def traces(folder: Path, kind: str) -> list[tuple[str, str, str]]:
    """Every change of every charge's state in a small scenario, in order."""
    decided: list[tuple[str, str, str]] = []
    with closing(Bank()) as bank:
        bank.decides = lambda message: {"000000005100": "51", "000000006800": None}.get(
            message[4] if message.mti == "0200" else "", "00"
        )
        async with gateway(folder, bank, f"journal.kind={kind}") as running:

            def moved(charge: Charge, before: State, event: Event, now: Now) -> None:
                decided.append((charge.stan, event, f"{before}>{charge.state}"))

            running.switch.life.watchers.add(moved)
            terminal = await running.terminal()
            for stan, amount in enumerate(("1000", "5100", "6800"), 1):
                await terminal.asks(sale(stan=stan, de4=amount.rjust(12, "0")))
            await running.until(lambda: running.state(3) is State.REVERSED)
            await terminal.asks(repeated(sale(stan=1)))
            await terminal.asks(sale(stan=2, de4="000000000007"))
            await terminal.asks(reversal(sale(stan=1)))
            await running.until(lambda: running.state(1) is State.REVERSED)
            await terminal.vanish()
    return decided


async def test_without_a_journal_the_decisions_are_the_same(tmp_path: Path) -> None:
    with_journal = await traces(tmp_path, "sqlite")
    without = await traces(tmp_path, "none")
    assert with_journal == without
    assert len(with_journal) == 7


async def test_the_log_level_changes_while_the_gateway_runs(tmp_path: Path, bank: Bank) -> None:
    async with gateway(tmp_path, bank) as running:
        said = await running.http.put("/log", json={"level": "debug", "who": "li"})
        assert said.json() == {"level": "debug", "was": "info"}
        assert (await running.http.put("/log", json={"level": "loud"})).status_code == 400
