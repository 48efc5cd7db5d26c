"""The stub host: what it answers, what not, and that one connection's trouble stays with it."""

from __future__ import annotations

import random
import socket
import time
from contextlib import suppress
from pathlib import Path

import pytest

from bench import native
from bench.processes import memory_kib
from codec import MacKey, Message, build, mac
from tests.bench.helpers import (
    ISO87,
    KEY,
    PATIENCE_S,
    Scripted,
    approval,
    bank,
    framed,
    load,
    read_frame,
    sale,
)

pytestmark = pytest.mark.slow
SANITIZED = ("-O1", "-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all")
REVERSAL = {
    3: "000000",
    4: "000000001000",
    7: "1123171501",
    11: "000124",
    37: "HOST00000123",
    41: "T0000001",
    49: "840",
    90: "0200" + "000123" + "1123171500" + "0" * 22,
}


def asked(connection: socket.socket, request: bytes) -> Message:
    connection.sendall(framed(request))
    return Message(read_frame(connection), ISO87)


def test_a_sale_is_approved_with_its_own_fields_and_without_card_secrets() -> None:
    request = Message(sale(7, de52="0123456789ABCDEF", de60="22000001"), ISO87)
    with bank() as host, host.connect() as connection:
        answer = asked(connection, request.raw)
    assert answer.mti == "0210"
    given = {37: "HOST00000007", 38: "000007", 39: "00"}
    kept = {n: request[n] for n in request.fields() if n not in (35, 52)}
    assert {n: answer[n] for n in answer.fields()} == kept | given


@pytest.mark.parametrize(
    ("mti", "answered"),
    [("0100", "0110"), ("0201", "0210"), ("0400", "0410"), ("0421", "0430"), ("0800", "0810")],
)
def test_every_class_gets_the_answer_of_its_class(mti: str, answered: str) -> None:
    with bank() as host, host.connect() as connection:
        answer = asked(connection, build(ISO87, mti, REVERSAL).raw)
    assert answer.mti == answered
    assert answer[39] == "00"
    assert answer[90] == REVERSAL[90]
    assert (37 in answer.fields()) == (mti != "0800")
    assert (38 in answer.fields()) == (mti in ("0100", "0201"))


def test_requests_of_many_kinds_in_turns_are_each_answered_by_their_own_recipe() -> None:
    """More kinds than are remembered, some alike but for the MTI or where one field ends."""
    rng = random.Random(1)  # noqa: S311 - repeatable, not secret
    kinds: list[dict[str, str]] = [{}]
    kinds += [{"de2": "4" * length, "de35": "4" * (32 - length)} for length in range(13, 19)]
    kinds += [{"de48": "x" * length, "de102": "1"} for length in (1, 10, 100, 999)]
    with bank() as host, host.connect() as connection:
        for stan in range(1, 300):
            mti = rng.choice((b"0100", b"0200", b"0800"))
            request = Message(mti + sale(stan, **rng.choice(kinds))[4:], ISO87)
            answer = asked(connection, request.raw)
            assert (37 in answer.fields()) == (mti != b"0800")
            for number in (2, 48, 102, 11, 49):
                assert answer.get(number, "") == request.get(number, ""), number


@pytest.mark.parametrize("algorithm", ["aes-cmac", "cup-ecb", "x9.19"])
@pytest.mark.parametrize("second", [False, True])
def test_only_a_request_with_its_mac_is_answered_and_the_answer_has_one(
    algorithm: mac.Algorithm, *, second: bool
) -> None:
    key = MacKey(algorithm, bytes.fromhex(KEY))
    more = {"de102": "12345"} if second else {}
    bad, unsigned, good = (Message(sale(stan, **more), ISO87) for stan in (1, 2, 3))
    mac.sign(bad, MacKey(algorithm, bytes.fromhex("F" * 32)))
    mac.sign(good, key)
    with bank("--mac", f"{algorithm}:{KEY}") as host, host.connect() as connection:
        connection.sendall(framed(bad.raw) + framed(unsigned.raw))
        answer = asked(connection, good.raw)
        said = host.stop()
    assert answer[11] == "000003"
    assert mac.verify(answer, key)
    assert "its MAC is wrong" in said
    assert "it has no MAC" in said
    assert "2 not understood" in said


def test_garbage_costs_its_sender_and_is_told() -> None:
    with bank() as host, host.connect() as neighbour, host.connect() as culprit:
        asked(neighbour, sale(1))
        culprit.sendall(b"\xff\xff" + b"x" * 100)
        with suppress(ConnectionResetError):
            assert culprit.recv(1) == b"", "its connection ends"
        assert asked(neighbour, sale(2))[11] == "000002"
        assert "that is no message's length" in host.stop()


@pytest.mark.parametrize(
    ("message", "why"),
    [
        (b"0200", "can't be read"),
        (b"02", "it is no request"),
        (b"0210" + sale(1)[4:], "it is no request"),
        (b"0900" + sale(1)[4:], "it is no request"),
        (sale(1)[:-1], "can't be read"),
        (sale(1) + b"0", "can't be read"),
        (sale(1)[:20] + b"x6" + sale(1)[22:], "can't be read"),
    ],
)
def test_what_is_no_request_gets_no_answer_and_the_next_does(message: bytes, why: str) -> None:
    with bank() as host, host.connect() as connection:
        connection.sendall(framed(message) + framed(b""))
        assert asked(connection, sale(9))[11] == "000009"
        assert why in host.stop()


def test_complaints_are_limited() -> None:
    with bank() as host, host.connect() as connection:
        connection.sendall(framed(b"0200") * 1_000)
        asked(connection, sale(1))
        said = host.stop()
    assert said.count("can't be read") == 20
    assert "no more is said" in said
    assert "1000 not understood" in said


def test_answers_wait_for_their_time_on_every_link_and_keep_their_order() -> None:
    with bank("--delay-us", "200000") as host:
        links = [host.connect() for _ in range(3)]
        began = time.monotonic()
        for stan in range(1, 61):
            links[stan % 3].sendall(framed(sale(stan)))
        links[1].close()  # what waits for it is nobody's
        for link in (links[0], links[2]):
            found = [int(Message(read_frame(link), ISO87)[11]) for _ in range(20)]
            assert found == sorted(found)
            link.close()
        assert time.monotonic() - began >= 0.2
        with host.connect() as later:
            assert asked(later, sale(70))[11] == "000070"


def test_a_reader_that_does_not_read_is_not_read_either() -> None:
    """What waits for it is bounded; once it reads, every answer comes."""
    request = framed(sale(1))
    with bank() as host, host.connect() as connection:
        connection.settimeout(1)
        sent = 0
        with suppress(TimeoutError):
            while sent < 200 << 20:
                sent += connection.send(request * 200)
        assert sent < 200 << 20
        assert memory_kib(host.process.pid) < 64 << 10
        connection.settimeout(PATIENCE_S)
        assert Message(read_frame(connection), ISO87)[11] == "000001"
        for _ in range(sent // len(request) - 1):
            read_frame(connection)


def test_bytes_come_one_by_one() -> None:
    with bank() as host, host.connect() as connection:
        for stan in (1, 2):
            for byte in framed(sale(stan)):
                connection.sendall(bytes([byte]))
            assert Message(read_frame(connection), ISO87)[11] == f"{stan:06}"


def test_noise_harms_neither_tool(tmp_path: Path) -> None:
    """Both tools with the compiler's own checks of memory and arithmetic, fed with damaged
    messages; afterwards they do their work.
    """
    programs = {name: tmp_path / name for name in ("hostsim", "loadgen")}
    try:
        for name, program in programs.items():
            native.compile_c(native.SOURCES / f"{name}.c", program, *SANITIZED)
    except native.NoCompilerError as error:
        pytest.skip(str(error))
    rng = random.Random(2)  # noqa: S311 - repeatable, not secret
    with bank(program=programs["hostsim"]) as host:
        for _ in range(200):
            with host.connect() as connection, suppress(OSError):
                connection.sendall(b"".join(framed(damaged(sale(1), rng)) for _ in range(20)))
        with host.connect() as connection:
            assert asked(connection, sale(9))[11] == "000009"
        host.stop()

    def answer(_: int, request: bytes) -> bytes:
        good = approval(request)
        return framed(damaged(good, rng)) + framed(good)

    with Scripted(answer) as scripted:
        options = ("--seconds", "1", "--conns", "4", "--pipeline", "2")
        ran = load(scripted.port, *options, generator=programs["loadgen"])
    assert "runtime error" not in ran.said
    assert "AddressSanitizer" not in ran.said
    assert ran.report["count"] > 0
    assert ran.report["err"]["parse"] > 0


def damaged(message: bytes, rng: random.Random) -> bytes:
    """With some bytes changed, cut off, or added."""
    noise = bytearray(message)
    for _ in range(rng.randrange(4)):
        noise[rng.randrange(len(noise))] = rng.choice((rng.randrange(256), *b"0123456789ABCDEF"))
    if rng.random() < 0.5:
        del noise[rng.randrange(len(noise)) :]
    if rng.random() < 0.2:
        noise += rng.randbytes(rng.randrange(3_500))
    return bytes(noise)
