"""A staged incident: a real gateway whose hosts, terminals, disk, clock and process go wrong, act
after act.  Each act names the alerts that it must raise; after the last all is good again.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final, NamedTuple

import trustme

from bench.native import compile_c
from codec import Message, mac
from gateway.config_macs import Mac, mac_key
from tests.adversity.peers import ISO87, Terminal, echo, sale
from tests.adversity.stage import Stage, accepts, free_ports, wait_until
from tests.ops.custody import OWNER, components
from tests.ops.peers import Bank, Shoppers, Webhook, one_sale
from tests.ops.prometheus import Prometheus
from tests.routing.world import reversal

ACT_S: Final = 60.0
CALM_S: Final = 90.0
CALM_BEFORE_S: Final = 8.0
KEY: Final = "404142434445464748494a4b4c4d4e4f"
OTHER_KEY: Final = "000102030405060708090a0b0c0d0e0f"
YEARS_S: Final = 2 * 365 * 86_400
CONNECTIONS_MAX: Final = 60
ANA, BEN = "Ana", "Ben"
CONFIG: Final = """
canary.card_files.bank = "{folder}/card"
canary.timeout_s = 1.5
notices.url = "{hook}"
notices.retry_s = 0.3
notices.retry_max_s = 0.3
wire.connections_max = {connections_max}
wire.acknowledgement_settles_s = 0.2
[[listener]]
name = "counter"
port = {port}
terminal_resolves_first = true
[[listener]]
name = "signed"
port = {signed_port}
mac = {{algorithm = "x9.19", key_file = "{folder}/mac.hex"}}
[[listener]]
name = "secure"
port = {secure_port}
tls = {{certificate_file = "{folder}/chain.pem", key_file = "{folder}/private.pem"}}
[[host]]
name = "bank"
port = {host_port}
links = 2
answer_timeout_s = 2
reconnect_max_s = 0.3
silences_max = 10
silence_pause_s = 0.5
[reversal]
schedule_s = [0, 0.5]
answer_timeout_s = 1
reorder_margin_s = 2
[service]
delivery_proof_s = 1
[keys]
custody = "hsm"
hsm.port = {module_port}
hsm.timeout_s = 0.5
hsm.reconnect_max_s = 0.3
{more}
[accounts]
mac_failures_max = 0
replays_max = 0
malformed_max = 0
people = [{{name = "Ana", roles = ["clerk"]}}, {{name = "Ben", roles = ["reviewer"]}}]
rules = [{{due_h = {{review = 0.0005}}}}]
[journal]
path = "{folder}/journal.db"
[backups]
folder = "{folder}/backups"
every_h = 0.001
[admin]
port = {admin_port}
"""


KEYLESS: Final = """
[[host]]
name = "vault"
port = {keyless_port}
links = 1
reconnect_max_s = 0.3
answer_timeout_s = 1
mac.algorithm = "x9.19"
key_change = {{field = 48, retry_s = 1}}
"""
"""A host with which MAC keys are to be exchanged."""


class Act(NamedTuple):
    """What happened when, and which alerts it had to raise; wall times."""

    name: str
    start: float
    end: float
    alerts: frozenset[str]


class Town(Stage):
    """The gateway, those around it, and the faults that can be switched on."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.signed_port, self.secure_port, self.module_port, self.keyless_port = free_ports(4)
        self.keyless = Bank(self.keyless_port)
        self.bank, self.hook, self.shoppers = Bank(self.host_port), Webhook(), Shoppers()
        self.slow, self.full, self.clock = (folder / name for name in ("slow", "full", "clock"))
        compile_c(
            Path(__file__).with_name("faults.c"), folder / "faults.so", "-shared", "-fPIC", "-ldl"
        )
        self.environment = {
            "LD_PRELOAD": str(folder / "faults.so"),
            "FAULT_SLOW": str(self.slow),
            "FAULT_FULL": str(self.full),
            "FAULT_CLOCK": str(self.clock),
        }
        (folder / "card").write_text("4761739001010119\n")
        self.configure()

    def configure(self, more: str = "") -> None:
        """Write the configuration, perhaps with more in it."""
        (self.folder / "gateway.toml").write_text(
            CONFIG.format(
                more=more,
                folder=self.folder,
                hook=self.hook.url,
                port=self.port,
                signed_port=self.signed_port,
                secure_port=self.secure_port,
                module_port=self.module_port,
                host_port=self.host_port,
                admin_port=self.admin_port,
                connections_max=CONNECTIONS_MAX,
            )
        )

    def command(self, verb: str) -> list[str]:
        """With this town's configuration."""
        command = super().command(verb)
        return [*command[: command.index(verb) + 1], str(self.folder / "gateway.toml")]

    def secrets(self, *, old: bool) -> None:
        """A certificate that ends tomorrow and a key of the year before last, or fresh ones."""
        ends = datetime.now(UTC) + timedelta(days=1 if old else 90)
        certificate = trustme.CA().issue_cert("localhost", not_after=ends)
        certificate.private_key_pem.write_to_path(self.folder / "private.pem")
        certificate.cert_chain_pems[0].write_to_path(self.folder / "chain.pem")
        (self.folder / "mac.hex").write_text(KEY)
        written = time.time() - (YEARS_S if old else 0)
        os.utime(self.folder / "mac.hex", (written, written))

    def start_module(self) -> None:
        """A security module."""
        command = [sys.executable, "-m", "gateway", "hsm", "--listen"]
        self.module = self.run([*command, f"127.0.0.1:{self.module_port}"], "module.log")
        wait_until(lambda: accepts(self.module_port), ACT_S, "the security module listens")

    def bring(self, component: str, who: str) -> dict[str, Any]:
        """A person brings a component of a key."""
        return self.desk(
            who, do="bring component", usage="tmk", owner=OWNER, count=2, component=component
        )

    def serve(self) -> None:
        """A life of the gateway."""
        self.process = self.gateway(env=self.environment)

    def kill(self) -> None:
        """The end of it."""
        self.process.kill()
        self.process.wait()

    def post(self, page: str, **body: Any) -> dict[str, Any]:
        """Say something to the desk; what it answers, refused or not."""
        url = f"http://127.0.0.1:{self.admin_port}/{page}"
        request = urllib.request.Request(url, json.dumps(body).encode(), method="POST")
        try:
            with urllib.request.urlopen(request, timeout=20) as answer:  # noqa: S310
                return dict(json.load(answer))
        except urllib.error.HTTPError as error:
            with error:
                return dict(json.load(error))

    def desk(self, who: str = ANA, **request: Any) -> dict[str, Any]:
        """One of the desk's requests."""
        return self.post("desk", request=request, who=who)

    def limit(self, **limits: int) -> None:
        """Two persons set other limits."""
        self.desk(do="limits", limits=limits)
        self.desk(BEN, do="confirm limits")

    def cancels_an_account(self) -> str:
        """Somebody asks for that; the request's number."""
        about = {"file": "MERCHANT", "who": ANA}
        record = {"merchant": "CLOSINGSHOP0001"}
        token = self.post("accounts/enquire", action="5", record=record, **about)["token"]
        record |= {"token": token, "reason": "shop closes"}
        return str(self.post("accounts/request", action="3", record=record, **about)["request"])

    def cases(self) -> list[int]:
        """Numbers of the open cases."""
        status, text = self.ask("cases")
        return [each["id"] for each in json.loads(text)] if status == 200 else []

    def close_cases(self) -> None:
        """Each is decided, by two persons where it needs them."""
        for case in self.cases():
            self.post(f"cases/{case}/close", how="refunded", who=ANA)
            self.post(f"cases/{case}/confirm", who=BEN)


# What goes on all the time


def traffic(town: Town) -> None:
    """Sales, good and declined ones; some are taken back."""
    for _ in range(3):
        town.shoppers.go(lambda number: one_sale(town.port, number))
    town.shoppers.go(lambda number: sold_and_taken_back(town, number), 0.5)
    town.shoppers.go(lambda number: echoed(town, number), 0.5)


def echoed(town: Town, number: int) -> None:
    """A terminal asks whether somebody is there."""
    with Terminal(town.port) as till:
        till.sock.settimeout(4)
        with suppress(TimeoutError, ConnectionError):
            till.ask(echo(number))


def sold_and_taken_back(town: Town, number: int) -> None:
    """A sale, and its reversal by the terminal."""
    sold = Message(sale(number, terminal="TAKEBACK"), ISO87)
    with Terminal(town.port) as till:
        till.sock.settimeout(4)
        with suppress(TimeoutError, ConnectionError):
            till.ask(sold.raw)
            till.ask(reversal(sold, de11=f"{number:06d}").raw)


# The acts


@contextmanager
def silent_host(town: Town) -> Iterator[None]:
    """The bank answers no charge and no reversal."""
    town.bank.silent, town.bank.reversals = True, ""
    sender = Shoppers()
    sender.go(lambda number: one_sale(town.port, number, f"{90_000:012d}"))
    town.desk(do="canary", host="bank")
    yield
    sender.stop()
    town.bank.silent, town.bank.reversals = False, "00"
    wait_until(
        lambda: town.desk(do="canary", host="bank").get("said") == "ok", ACT_S, "a test charge"
    )


@contextmanager
def strange_answers(town: Town) -> Iterator[None]:
    """The bank answers with another DE 7 than it was sent."""
    town.bank.strange = True
    yield
    town.bank.strange = False


@contextmanager
def slow_disk(town: Town) -> Iterator[None]:
    """Syncs of the journal take 300 ms more."""
    town.slow.touch()
    yield
    town.slow.unlink()


@contextmanager
def halting_process(town: Town) -> Iterator[None]:
    """The process stands still for half a second, again and again."""
    over = threading.Event()

    def stand_still() -> None:
        while not over.wait(1):
            town.process.send_signal(signal.SIGSTOP)
            time.sleep(0.5)
            town.process.send_signal(signal.SIGCONT)

    stander = threading.Thread(target=stand_still, daemon=True)
    stander.start()
    yield
    over.set()
    stander.join()


@contextmanager
def full_disk(town: Town) -> Iterator[None]:
    """The journal's log takes no byte."""
    town.full.touch()
    yield
    town.full.unlink()


@contextmanager
def wrong_clock(town: Town) -> Iterator[None]:
    """The wall clock is ten seconds ahead."""
    town.clock.touch()
    yield
    town.clock.unlink()


@contextmanager
def unsteady_links(town: Town) -> Iterator[None]:
    """Links break and come back, and break."""
    for _ in range(3):
        town.bank.drop_links()
        time.sleep(1)
    yield


@contextmanager
def no_host(town: Town) -> Iterator[None]:
    """Nobody listens where the bank was."""
    town.bank.close()
    yield
    town.bank.open()


@contextmanager
def no_key(town: Town) -> Iterator[None]:
    """A host is added that knows nothing of keys; then it is removed."""
    town.keyless.open()
    town.configure(KEYLESS.format(keyless_port=town.keyless_port))
    told = town.post("reload", who=ANA)
    assert "error" not in told, told
    yield
    town.configure()
    town.post("reload", who=ANA)
    town.keyless.close()


@contextmanager
def strangers(town: Town) -> Iterator[None]:
    """Garbage, wrong keys, and more connections than there may be."""
    crowd = Shoppers()
    signed = mac_key(Mac(algorithm="x9.19", key_file=str(town.folder / "other.hex")))
    assert signed is not None

    def wrong_key(number: int) -> None:
        message = Message(sale(number, terminal="STRANGER"), ISO87)
        mac.sign(message, signed)
        with Terminal(town.signed_port) as till:
            assert till.ask(message.raw) == "A0"

    def garbage(number: int) -> None:
        with Terminal(town.port) as till:
            till.send(b"GET / HTTP/1.1" if number % 2 else b"0200zz")
            till.sock.settimeout(0.2)
            with suppress(TimeoutError, ConnectionError):
                till.read()

    idle: list[Terminal] = []
    for _ in range(CONNECTIONS_MAX):
        with suppress(OSError):
            idle.append(Terminal(town.port))
    crowd.go(wrong_key)
    crowd.go(garbage)
    crowd.go(lambda _: idle.append(Terminal(town.port)), 0.3)
    time.sleep(2)
    for till in idle[: len(idle) // 2]:  # room for the others, and still nearly full
        till.sock.close()
    yield
    crowd.stop()
    for till in idle:
        till.sock.close()


@contextmanager
def work_for_persons(town: Town) -> Iterator[None]:
    """Refused reversals, a difference, complaints, a shop that closes: and nobody acts."""
    town.hook.takes, town.bank.reversals = False, "05"
    kind = "they_approved_unknown_here"
    told = town.desk(do="difference", host="bank", kind=kind, key=f"bank|{kind}|000001")
    assert "error" not in told, told
    wait_until(lambda: bool(town.cases()), ACT_S, "a reversal that the bank refuses is a case")
    for charge in range(1, 60):
        town.post("complaints", charge=charge, who=ANA)
    request = town.cancels_an_account()
    yield
    told = town.post("accounts/approve", who=BEN, record={"request": request})
    assert told["state"] == "APPROVED", told
    town.hook.takes, town.bank.reversals = True, "00"
    wait_until(lambda: town.close_cases() or not town.cases(), ACT_S, "no case is open")


@contextmanager
def no_module(town: Town) -> Iterator[None]:
    """The security module is gone while somebody brings a component."""
    component = components(town.module_port)[0]
    town.module.kill()
    town.module.wait()
    persons = Shoppers()
    persons.go(lambda _: town.bring(component, ANA), 0.3)
    yield
    persons.stop()
    town.start_module()


@contextmanager
def no_backup(town: Town) -> Iterator[None]:
    """Where backups of the journal go something else is in the way."""
    folder, aside = town.folder / "backups", town.folder / "backups.aside"
    wait_until(folder.exists, ACT_S, "a first backup of the journal")
    folder.rename(aside)
    folder.touch()
    yield
    folder.unlink()
    aside.rename(folder)


@contextmanager
def beyond_a_limit(town: Town) -> Iterator[None]:
    """A limit comes into force while what it forbids is at the bank."""
    town.bank.slow_s = 1.5

    def try_it(number: int) -> None:
        sold = threading.Thread(target=one_sale, args=(town.port, number, f"{8_000:012d}"))
        sold.start()
        time.sleep(0.3)
        town.limit(amount_max=7_000)
        sold.join()
        town.limit()

    persons = Shoppers()
    persons.go(try_it)
    yield
    persons.stop()
    town.bank.slow_s = 0.0


@contextmanager
def killed(town: Town) -> Iterator[None]:
    """The gateway is killed; its next life has fresh keys and certificates."""
    town.kill()
    yield
    town.secrets(old=False)
    town.serve()


Play = Callable[[Town], AbstractContextManager[None]]
ACTS: Final[tuple[tuple[Play, frozenset[str]], ...]] = (
    (
        silent_host,
        frozenset(
            {"AnswersMissing", "AnswersMissingForLong", "HostSilent", "ReversalTooOld"}
            | {"MoneyAtRisk", "CanaryFailed", "KeyOld", "CertificateEnds", "CertificateEndsSoon"}
        ),
    ),
    (strange_answers, frozenset({"RepliesUnmatched"})),
    (slow_disk, frozenset({"JournalSlow", "GatewaySlow", "GatewaySlowForLong"})),
    (halting_process, frozenset({"LoopLate"})),
    (full_disk, frozenset({"JournalFailing"})),
    (wrong_clock, frozenset({"ClockOff"})),
    (unsteady_links, frozenset({"HostLinksUnsteady"})),
    (no_host, frozenset({"HostDown"})),
    (no_key, frozenset({"HostKeysBlocked"})),
    (strangers, frozenset({"MacsBad", "SendersBad", "BoundNearlyReached", "BoundReached"})),
    (
        work_for_persons,
        frozenset(
            {"CaseWaiting", "ComplaintWaiting", "SettlementDiffers", "NoticesNotTaken"}
            | {"AccountRequestOverdue"}
        ),
    ),
    (no_module, frozenset({"CustodyUnavailable"})),
    (no_backup, frozenset({"RestoreTestFailed"})),
    (beyond_a_limit, frozenset({"ShouldNeverHappen"})),
    (killed, frozenset({"GatewayDown"})),
)


class Incident:
    """The whole of it, while Prometheus watches."""

    def __init__(self, town: Town, prometheus: Prometheus) -> None:
        self.town, self.prometheus = town, prometheus
        self.acts: list[Act] = []
        self.start = self.end = 0.0

    def play(self) -> None:
        """Calm, act after act, calm again."""
        self.start = time.time()
        time.sleep(CALM_BEFORE_S)
        for play, alerts in ACTS:
            self._act(play, alerts)
        try:
            wait_until(self._is_calm, CALM_S, "all alerts end")
        except AssertionError as error:
            told = self.prometheus.ask("alerts")["alerts"]
            raise AssertionError(told, self.town.ask("cases")) from error
        self.end = time.time()

    def _act(self, play: Play, alerts: frozenset[str]) -> None:
        raised: set[str] = set()
        name, began = getattr(play, "__name__", ""), time.time()

        def all_raised() -> bool:
            raised.update(self.prometheus.firing())
            time.sleep(0.2)
            return alerts <= raised

        with play(self.town):
            try:
                wait_until(all_raised, ACT_S, f"{name} raises its alerts")
            except AssertionError as error:
                message = f"{name} did not raise {sorted(alerts - raised)}"
                raise AssertionError(message) from error
        self.acts.append(Act(name, began, time.time(), alerts))

    def _is_calm(self) -> bool:
        time.sleep(0.5)
        return not self.prometheus.firing()


@contextmanager
def staged(folder: Path) -> Iterator[Incident]:
    """A town with a gateway, watched; nothing has gone wrong yet."""
    (folder / "other.hex").write_text(OTHER_KEY)
    with Town(folder) as town, Prometheus(folder / "prometheus", town.admin_port) as prometheus:
        town.secrets(old=True)
        town.bank.open()
        town.start_module()
        town.serve()
        for component, who in zip(components(town.module_port), (ANA, BEN), strict=True):
            town.bring(component, who)
        traffic(town)
        try:
            yield Incident(town, prometheus)
        finally:
            town.shoppers.stop()
            town.bank.close()
            town.hook.close()
