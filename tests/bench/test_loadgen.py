"""The load generator: what it counts as an error, what it leaves out, how it ends."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from pathlib import Path

import pytest

from bench.native import tool
from codec import MacKey, Message, mac
from tests.adversity import books
from tests.adversity.stage import free_ports, wait_until
from tests.bench.helpers import ISO87, KEY, PATIENCE_S, Scripted, approval, bank, framed, load

pytestmark = pytest.mark.slow
SHORT = ("--seconds", "0.3", "--timeout-s", "0.05")


def errors(report: dict[str, dict[str, int]]) -> dict[str, int]:
    return {kind: count for kind, count in report["err"].items() if count}


@pytest.mark.parametrize(
    ("kind", "mti", "changes"),
    [
        ("mti", "0230", {}),
        ("mismatch", "0210", {"de41": "T9999999"}),
        ("mismatch", "0210", {"de3": "200000"}),
        ("mismatch", "0210", {"de4": "000000001001"}),
        ("mismatch", "0210", {"de4": None}),
        ("mismatch", "0210", {"de7": "0101000000"}),
        ("mismatch", "0210", {"de49": "978"}),
        ("mismatch", "0210", {"de39": None}),
        ("unknown_stan", "0210", {"de11": "000000"}),
    ],
)
def test_a_wrong_answer_is_an_error_of_its_kind_and_no_answer(
    kind: str, mti: str, changes: dict[str, str | None]
) -> None:
    with Scripted(lambda _, request: framed(approval(request, mti, **changes))) as host:
        ran = load(host.port, *SHORT)
    assert ran.status == 1
    assert ran.report["count"] == 0
    assert ran.report["err"][kind] >= 1
    assert set(errors(ran.report)) <= {kind, "timeout"}, "its sale waits on"


def test_a_right_answer_is_none() -> None:
    with Scripted(lambda _, request: framed(approval(request))) as host:
        ran = load(host.port, *SHORT, "--conns", "3")
    assert ran.status == 0
    assert not errors(ran.report)
    assert 0 < ran.report["count"] <= host.asked


@pytest.mark.parametrize("signed_with", [None, "F" * 32])
def test_an_answer_without_its_mac_or_with_another_is_an_error(signed_with: str | None) -> None:
    def answer(_: int, request: bytes) -> bytes:
        message = Message(approval(request), ISO87)
        if signed_with:
            mac.sign(message, MacKey("aes-cmac", bytes.fromhex(signed_with)))
        return framed(message.raw)

    with Scripted(answer) as host:
        ran = load(host.port, *SHORT, "--mac", f"aes-cmac:{KEY}")
    assert ran.report["err"]["mac"] >= 1
    assert ran.report["count"] == 0


def test_refusals_are_answers_and_told_by_code_and_second() -> None:
    codes = ("05", "91", "N7", "00")
    with Scripted(lambda n, asked: framed(approval(asked, de39=codes[n % 4]))) as host:
        report = load(host.port, *SHORT).report
    assert report["count"] == host.asked - report["waiting"]
    assert set(report["refused"]) == {"05", "91", "other"}
    assert sum(report["refused"].values()) == report["err"]["rc"] == report["errors"]
    assert sum(count for _, count in report["refused_s"]) == report["err"]["rc"]


def test_what_gets_no_answer_is_given_up_and_its_wait_is_a_latency() -> None:
    with Scripted(lambda n, request: framed(approval(request)) if n % 2 else b"") as host:
        report = load(host.port, "--seconds", "1", "--timeout-s", "0.2").report
    assert report["err"]["timeout"] >= 1
    assert report["max_us"] >= 200_000
    assert report["count"] >= 2, "the terminal goes on"


def test_an_answer_after_it_was_given_up_is_to_nothing_that_waits() -> None:
    late: list[bytes] = []

    def answer(_: int, request: bytes) -> bytes:
        late.append(request)
        return framed(approval(late[-2])) if len(late) > 1 else b""

    with Scripted(answer) as host:
        report = load(host.port, "--seconds", "1", "--timeout-s", "0.1").report
    assert report["err"]["timeout"] >= 1
    assert report["err"]["unknown_stan"] >= 1
    assert report["count"] == 0


def test_a_load_whose_connections_are_all_closed_ends_and_says_so() -> None:
    with Scripted(lambda *_: None) as host:
        ran = load(host.port, "--conns", "3", "--seconds", "1000")
    assert ran.report["err"]["closed"] == 3
    assert "every connection" in ran.said


def test_what_is_no_frame_ends_its_connection_only() -> None:
    broken: list[bytes] = []

    def answer(_: int, request: bytes) -> bytes:
        terminal = Message(request, ISO87)[41].encode("ascii")
        broken[:] = broken or [terminal]
        return b"\xff\xff" if terminal == broken[0] else framed(approval(request))

    with Scripted(answer) as host:
        report = load(host.port, *SHORT, "--conns", "2").report
    assert errors(report) == {"parse": 1, "closed": 1}
    assert report["count"] > 0


def test_what_can_not_be_read_is_an_error_and_the_next_answer_counts() -> None:
    noise = framed(b"0210") + framed(b"0210" + b"zz" * 40) + framed(b"")
    with Scripted(lambda _, request: noise + framed(approval(request))) as host:
        report = load(host.port, *SHORT).report
    assert set(errors(report)) == {"parse"}
    assert report["err"]["parse"] >= 2 * report["count"] > 0


def test_answers_come_in_any_pieces() -> None:
    """Bytes of answers are held back: each send ends within the next answer's frame."""
    held = bytearray()

    def answer(n: int, request: bytes) -> bytes:
        held.extend(framed(approval(request)))
        keep = 0 if n % 7 == 0 else min(len(held), n % 7)
        whole = bytes(held[: len(held) - keep])
        del held[: len(held) - keep]
        return whole

    with Scripted(answer) as host:
        report = load(host.port, "--seconds", "0.5", "--pipeline", "8").report
    assert not errors(report)
    assert report["count"] > 7


def test_the_warm_up_does_not_count() -> None:
    """A host that answers five sales and then falls silent: all of it was warm-up."""
    reports = []
    for warmup in ("0", "1"):
        with Scripted(lambda n, asked: framed(approval(asked)) if n <= 5 else b"") as host:
            reports.append(load(host.port, "--seconds", "0.2", "--warmup", warmup).report)
    counted, warm = reports
    assert counted["count"] == 5
    assert counted["max_us"] > 0
    assert (warm["count"], warm["tps"], warm["max_us"]) == (0, 0, 0)


def test_asked_to_stop_it_reports_and_writes_its_book(tmp_path: Path) -> None:
    """A host that answers fifty sales: then each of the twenty terminals waits for one more."""
    book = tmp_path / "book"
    with Scripted(lambda n, asked: framed(approval(asked)) if n <= 50 else b"") as host:
        command = [str(tool("loadgen")), "--port", str(host.port), "--seconds", "1000"]
        command += ["--conns", "20", "--warmup", "0", "--book", str(book)]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        wait_until(lambda: host.asked == 70, PATIENCE_S, "fifty answers were taken")
        process.send_signal(signal.SIGTERM)
        out, _ = process.communicate(timeout=PATIENCE_S)
    report = json.loads(out)
    assert (report["count"], report["waiting"]) == (50, 20)
    codes = [line.split("\t")[3] for line in book.read_text().splitlines()]
    assert (codes.count("00"), codes.count("-"), len(codes)) == (50, 20, 70)


def test_the_books_of_both_sides_agree(tmp_path: Path) -> None:
    book, host_book = tmp_path / "book", tmp_path / "host"
    with bank("--book", str(host_book), "--drop-every", "10") as host:
        load(host.port, *SHORT, "--conns", "5", "--book", str(book))
        host.stop()
    told, booked = books.told([book]), books.booked([host_book])
    answered = {(x.terminal, x.stan, x.de7, x.rrn) for x in told if x.code == "00"}
    dropped = {(x.terminal, x.stan, x.de7) for x in booked if x.code == "-"}
    assert answered <= {(x.terminal, x.stan, x.de7, x.rrn) for x in booked if x.code == "00"}
    assert dropped <= {(x.terminal, x.stan, x.de7) for x in told if x.code == "-"}
    assert answered
    assert dropped


def test_cpu_is_told_by_process_user_and_system() -> None:
    with bank() as host:
        pids = f"{host.process.pid},{os.getpid()}"
        report = load(host.port, "--seconds", "0.5", "--conns", "8", "--pid", pids).report
    told = report["pid_cpu"]
    assert list(told) == pids.split(",")
    for each in told.values():
        assert each["cpu_us_tx"] == pytest.approx(
            each["user_us_tx"] + each["system_us_tx"], abs=0.02
        )
    assert told[str(host.process.pid)]["util"] > 0
    assert report["loadgen_cpu_us_tx"] > 0


def test_thousands_of_terminals_are_served() -> None:
    with bank() as host:
        ran = load(host.port, "--conns", "5000", "--seconds", "1", "--warmup", "1")
    assert ran.status == 0, ran.said
    assert ran.report["conns"] == 5_000
    assert ran.report["count"] > 0


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--conns", "x"), "--conns: a whole number from 1 to 1e+06 is wanted"),
        (("--conns", "0"), "--conns: a whole number"),
        (("--conns", "1.5"), "--conns: a whole number"),
        (("--seconds", "nan"), "--seconds: a number"),
        (("--seconds",), "--seconds: its value is missing"),
        (("--speed", "1"), "--speed is no option"),
        (("--pid", "1,x"), "--pid: numbers with commas"),
        (("--mac", "aes-cmac:00"), "--mac: the key has 32 hex digits"),
        (("--book", "/nowhere/book"), "--book: No such file"),
        (("--host", "300.1.1.1"), "--host: "),
    ],
)
def test_a_wrong_option_is_named(options: tuple[str, ...], said: str) -> None:
    ran = load(1, *options)
    assert ran.status == 2
    assert said in ran.said


def test_nobody_listening_is_said() -> None:
    (port,) = free_ports(1)
    ran = load(port, "--conns", "3")
    assert ran.status == 2
    assert (
        f"terminal 1 of 3 can't connect to 127.0.0.1, port {port}: Connection refused" in ran.said
    )


def test_more_terminals_than_descriptors_are_refused_with_the_limit() -> None:
    command = ["prlimit", "--nofile=100:100", str(tool("loadgen")), "--port", "1", "--conns", "500"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "the descriptor limit allows 68 terminals" in done.stderr
