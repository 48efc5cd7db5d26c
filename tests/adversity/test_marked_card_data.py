"""Marked card data goes in at every door, whole and damaged, through every fault; then everything
that the gateway ever wrote or said is searched for it: logs, metrics, pages, reports, the journal's
files, a copy of it, backups of terminals (as they are, and opened), the traces of a crash.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path
from random import Random
from typing import Final

import apsw
import pytest

from codec import Message
from gateway.backups import opened
from gateway.config import load
from tests.adversity import test_accounts as desk
from tests.adversity.peers import (
    APPROVE,
    DECLINE,
    PIN_BLOCK,
    SILENT,
    SLOW,
    Host,
    Terminal,
)
from tests.adversity.stage import RELAY, ROOT, START_S, Stage, free_ports, stop, wait_until
from tests.routing.world import HEADER, ISO, POS, confirmation, refund, reversal, sale, void

pytestmark = pytest.mark.slow

MARKED: Final = ("4929123456780017", "5281037048916168", "6210946888090005")
EXPIRY_AND_MORE: Final = "30122011987600012300"
DAMAGES: Final = 120
OFF: Final = "T0000009"
"""A terminal that goes out of service."""
MERCHANT_AND_TILL: Final = "merchant=MERCHANT0000001&terminal=T0000001"
PAGES: Final = (
    *("livez", "readyz", "metrics", "cases", "differences", "hosts", "merchants", "limits"),
    *("accounts?all", "registry/merchants"),
    f"charges?{MERCHANT_AND_TILL}",
    *(f"charges/{number}/story" for number in (1, 2, 3)),
)


def track(pan: str) -> str:
    return f"{pan}={EXPIRY_AND_MORE}"


def marked(dialect: str, number: int, pan: str, amount: str) -> Message:
    """A sale that carries all that must never rest anywhere."""
    pin = PIN_BLOCK if dialect == ISO else bytes.fromhex(PIN_BLOCK).hex().upper()
    return sale(dialect, number, de2=pan, de4=amount, de35=track(pan), de52=pin)


def forms() -> list[bytes]:
    """How it could stand somewhere: as digits, packed, with either separator, in parts."""
    texts = [*MARKED, PIN_BLOCK, EXPIRY_AND_MORE]
    texts += [track(pan)[len(pan) - 4 :] for pan in MARKED]
    found = [form.encode() for text in texts for form in (text, text.replace("=", "D"))]
    packed = [bytes.fromhex(text) for text in (*MARKED, PIN_BLOCK, EXPIRY_AND_MORE)]
    shifted = [bytes.fromhex(f"0{pan}0")[1:-1] for pan in MARKED]
    return found + packed + shifted


def good_ones(dialect: str, first: int) -> Iterator[tuple[bytes, list[bytes]]]:
    """Sales of every fate, each with what may be said of it afterwards."""
    for number, (pan, amount) in enumerate(
        [(pan, amount) for pan in MARKED for amount in (APPROVE, DECLINE, SILENT, SLOW)], first
    ):
        asked = marked(dialect, number, pan, amount)
        yield (
            asked.raw,
            [
                asked.raw,
                marked(dialect, number, pan, "000000007777").raw,
                marked(dialect, number, MARKED[0], amount).raw,
                confirmation(asked, served=number % 2 == 0).raw,
                reversal(asked).raw,
                void(asked, number + 500).raw,
                refund(asked, 400, number + 600).raw,
            ],
        )


def damaged_ones(dialect: str) -> Iterator[bytes]:
    """Cut, lengthened, with bytes changed: each says something about what is wrong with it."""
    random = Random(8583)  # noqa: S311 - a repeatable one is wanted
    whole = marked(dialect, 1, MARKED[1], APPROVE).raw
    for _ in range(DAMAGES):
        data = bytearray(whole)
        match random.randrange(3):
            case 0:
                del data[random.randrange(len(HEADER), len(data)) :]
            case 1:
                data += MARKED[2].encode()
            case _:
                data[random.randrange(len(data))] = random.randrange(256)
        yield bytes(data)
    yield MARKED[0].encode()
    yield track(MARKED[0]).encode()


def sell(port: int, host: Host, first: int = 1, dialect: str = ISO) -> list[Terminal]:
    """A connection for each sale; the rest is said once the host has it."""
    left = []
    for asked, afterwards in good_ones(dialect, first):
        seen = len(host.of_type("0200"))
        left.append(Terminal(port))
        left[-1].send(asked)
        wait_until(lambda: len(host.of_type("0200")) > seen, 20, "the sale at the host")  # noqa: B023
        for message in afterwards:
            left[-1].send(message)
    return left


def send_damaged(port: int, dialect: str) -> list[Terminal]:
    """Over one connection after the other: the gateway ends them."""
    left: list[Terminal] = []
    for number, message in enumerate(damaged_ones(dialect)):
        if number % 8 == 0:
            left.append(Terminal(port))
        with suppress(OSError):
            left[-1].send(message)
    return left


def vanish(terminals: list[Terminal]) -> None:
    for each in terminals:
        each.sock.close()


def keep_pages(stage: Stage, name: str) -> None:
    """All that the admin side says, bad questions included."""
    said = [stage.ask(page)[1] for page in PAGES]
    questions = {
        "complaints": f'{{"card": "{MARKED[0]}", "amount": 1000, "when": 1.0}}',
        "charges/1/dispute": f'{{"why": "card {MARKED[0]} was charged", "who": "li"}}',
        "cases/1/close": f'{{"how": "{MARKED[1]}"}}',
        "log": f'{{"level": "{MARKED[1]}"}}',
        "accounts/request": f'{{"file": "MERCHANT", "action": "3", "who": "clara", "record": '
        f'{{"merchant": "MERCHANT0000001", "reason": "card {MARKED[0]} was charged"}}}}',
        "accounts/enquire": f'{{"file": "{MARKED[1]}", "who": "{MARKED[2]}"}}',
    }
    for page, body in questions.items():
        method = "PUT" if page == "log" else "POST"
        url = f"http://127.0.0.1:{stage.admin_port}/{page}"
        request = urllib.request.Request(url, body.encode(), method=method)
        try:
            with urllib.request.urlopen(request, timeout=5) as answer:  # noqa: S310
                said.append(answer.read().decode())
        except urllib.error.HTTPError as error:
            with error:
                said.append(error.read().decode())
    (stage.folder / f"{name}.pages").write_text("\n".join(said))


def keep_reports(stage: Stage) -> None:
    """All that the commands say."""
    asked = [
        ("audit", "--json", "--each"),
        ("audit", "--charge", "1"),
        ("audit", "--log"),
        ("explain", "1"),
        ("cases", "list"),
        ("cases", "explain", "1"),
        ("complaint", "--masked-pan", "492912******0017", "--amount", "1000", "--when", "now"),
        ("suspects",),
    ]
    with (stage.folder / "reports").open("wb") as output:
        for verb, *arguments in asked:
            command = stage.command(verb)
            command[5:5] = arguments
            subprocess.run(command, cwd=ROOT, stdout=output, stderr=output, check=False)
        command = stage.command("account")
        command[4:4] = ["list"]
        subprocess.run([*command, "--all"], cwd=ROOT, stdout=output, stderr=output, check=False)
        frame = marked(ISO, 9, MARKED[0], APPROVE).raw.hex()
        decode = [sys.executable, "-m", "gateway", "decode", frame, "--dialect", ISO]
        subprocess.run(decode, cwd=ROOT, stdout=output, stderr=output, check=False)


def back_up(stage: Stage) -> None:
    """A terminal with a marked sale goes out of service; its backup is kept opened, too."""
    with Terminal(stage.port) as till:
        assert till.ask(sale(ISO, 900, de2=MARKED[0], de35=track(MARKED[0]), de41=OFF).raw) == "00"
    about = {"merchant": "MERCHANT0000001", "terminal": OFF, "state": "DEACTIVATED"}
    about |= {"kind": "STRATEGY", "reason": "quiet season", "contact": "010 555 000"}
    _, told = desk.asked(stage, "enquire", "clara", file="TERMINAL", action="5", record=about)
    record = about | {"token": told["token"]}
    _, told = desk.asked(stage, "request", "clara", file="TERMINAL", action="2", record=record)
    desk.asked(stage, "approve", "rita", record={"request": told["request"]})
    folder = stage.folder / "backups"
    wait_until(lambda: bool(list(folder.glob("*.backup"))), 20, "the backup is written")
    overrides = [each.removeprefix("--set=") for each in stage.command("audit")[5:]]
    (backup,) = folder.glob("*.backup")
    rows = opened(backup, load(RELAY, overrides))
    assert [row["stan"] for row in rows] == ["000900"]
    (stage.folder / "backup.opened").write_text(str(rows))


def test_nothing_that_was_ever_written_or_said_holds_it(tmp_path: Path) -> None:
    (pos_port,) = free_ports(1)
    settings = {
        "host__0__answer_timeout_s": 1.5,
        "log__level": "debug",
        "listener__1__port": pos_port,
        "listener__1__dialect": POS,
        "accounts__people": desk.PEOPLE,
        "accounts__replays_max": 0,
        "accounts__malformed_max": 0,
        "backups__folder": tmp_path / "backups",
    }
    with Stage(tmp_path, **settings) as stage, Host(stage.host_port) as host:
        gateway = stage.gateway(env={"PYTHONFAULTHANDLER": "1"})
        there: list[Terminal] = []
        for dialect, port in ((ISO, stage.port), (POS, pos_port)):
            there += sell(port, host, dialect=dialect)
            there += send_damaged(port, dialect)
        assert {each[2] for each in host.of_type("0200")} >= set(MARKED)
        keep_pages(stage, "first")
        gateway.kill()
        gateway.wait()
        vanish(there)
        gateway = stage.gateway(env={"PYTHONFAULTHANDLER": "1"})
        there = sell(stage.port, host, 40)
        keep_pages(stage, "second")
        os.kill(gateway.pid, signal.SIGABRT)
        gateway.wait(START_S)
        vanish(there)
        keep_reports(stage)
        gateway = stage.gateway()
        stage.until_all_ended(60)
        back_up(stage)
        assert stop(gateway) == 0
    with closing(apsw.Connection(str(stage.journal))) as db:
        db.execute("VACUUM INTO ?", (str(tmp_path / "copy.db"),))
    log = (tmp_path / "gateway.log").read_text()
    assert "Fatal Python error: Aborted" in log
    assert "message can't be read" in log
    searched = [each for each in tmp_path.rglob("*") if each.is_file() and each.suffix != ".key"]
    names = {x.name for x in searched}
    assert {"gateway.log", "journal.db", "reports", "first.pages", "backup.opened"} <= names
    for file in searched:
        content = file.read_bytes()
        assert not [form for form in forms() if form in content], file.name


def test_the_search_finds_what_is_there(tmp_path: Path) -> None:
    for pan in MARKED:
        for text in (pan.encode(), bytes.fromhex(pan), track(pan).replace("=", "D").encode()):
            assert [form for form in forms() if form in text]
