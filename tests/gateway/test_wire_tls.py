"""TLS, proxies' headers and hosts that connect to us, on real sockets through the engine."""

from __future__ import annotations

import contextlib
import socket
import ssl
import struct
from typing import TYPE_CHECKING

import msgspec
import pytest
import trio
import trustme

from codec import dialect, encode, specs
from codec.framing import frame
from gateway.clock import SystemClock
from gateway.wire import Acknowledged, Engine, Frame, Lost, WireEvent, WireLimits
from gateway.wire.binding import Binding
from gateway.wire.engine import expecting
from gateway.wire.filters import Door
from gateway.wire.proxy import Networks, Proxied
from gateway.wire.tls import Credentials, TlsSettings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

WAIT_S = 5.0
LIMITS = WireLimits(acknowledgement_settles_s=0.05, link_unacknowledged_s=5.0)
IMPATIENT = msgspec.structs.replace(LIMITS, handshake_s=0.05)
SPEC = specs.default_ascii
SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"


class Papers:
    """An authority and what it signed, as files."""

    def __init__(self, folder: Path) -> None:
        self.authority = trustme.CA()
        self._folder = folder
        self.server = self.signed("server", "localhost")

    @property
    def authorities_file(self) -> str:
        path = self._folder / "authority.pem"
        self.authority.cert_pem.write_to_path(path)
        return str(path)

    def signed(self, file: str, host: str, name: str | None = None) -> TlsSettings:
        """A certificate of somebody."""
        made = self.authority.issue_cert(host, common_name=name)
        certificate, key = self._folder / f"{file}.pem", self._folder / f"{file}.key.pem"
        certificate.write_bytes(b"".join(blob.bytes() for blob in made.cert_chain_pems))
        made.private_key_pem.write_to_path(key)
        return TlsSettings(certificate_file=str(certificate), key_file=str(key))

    def context(self, client: TlsSettings | None = None) -> ssl.SSLContext:
        """A terminal's."""
        context = ssl.create_default_context(cafile=self.authorities_file)
        if client is not None:
            context.load_cert_chain(client.certificate_file, client.key_file)
        return context

    def mutual(self) -> TlsSettings:
        """The server's settings with which it asks terminals for certificates."""
        return msgspec.structs.replace(self.server, authorities_file=self.authorities_file)


@pytest.fixture
def papers(tmp_path: Path) -> Papers:
    return Papers(tmp_path)


class Wire:
    """An engine with one door."""

    def __init__(self, door: Door, limits: WireLimits = LIMITS) -> None:
        self.engine = Engine(limits, SystemClock())
        listening = self.engine.listen(door.name, "127.0.0.1", 0, door)
        self.address = listening.getsockname()
        self.seen: list[WireEvent] = []

    async def one(self, kind: type[WireEvent]) -> WireEvent:
        """The next event of a kind."""
        with trio.fail_after(WAIT_S):
            while True:
                events = await self.engine.turn(0.02)
                self.seen += events
                for event in events:
                    if isinstance(event, kind):
                        return event

    async def heard(self) -> Frame:
        event = await self.one(Frame)
        assert isinstance(event, Frame)
        return event

    async def lost(self, why: str) -> None:
        event = await self.one(Lost)
        assert isinstance(event, Lost)
        assert event.why == why


@contextlib.contextmanager
def wire_behind(door: Door, limits: WireLimits = LIMITS) -> Iterator[Wire]:
    wire = Wire(door, limits)
    yield wire
    wire.engine.close_all()


def server(settings: TlsSettings) -> Credentials:
    return Credentials(settings, server_side=True)


async def in_thread(work: Callable[[], None], wire: Wire, until: Callable[[], bool]) -> None:
    """Blocking `work` of a terminal beside the engine's turns."""
    async with trio.open_nursery() as nursery:
        nursery.start_soon(trio.to_thread.run_sync, work)
        with trio.fail_after(WAIT_S):
            while not until():
                wire.seen += await wire.engine.turn(0.02)
                for event in wire.seen:
                    if isinstance(event, Frame) and wire.engine.peer(event.conn):
                        wire.engine.send(event.conn, b"answer to " + event.data, 7)
                        wire.seen.remove(event)
                wire.engine.flush()


class Till:
    """A terminal that speaks TLS: sends, and keeps what it was answered, or why it failed."""

    def __init__(self, address: tuple[str, int], context: ssl.SSLContext, says: bytes) -> None:
        self._address, self._context, self._says = address, context, says
        self.answer = b""
        self.version: str | None = ""
        self.failed = ""
        self.served_by = b""
        self.done = False

    def run(self) -> None:
        try:
            with (
                socket.create_connection(self._address, WAIT_S) as raw,
                self._context.wrap_socket(raw, server_hostname="localhost") as sock,
            ):
                self.version = sock.version()
                self.served_by = sock.getpeercert(binary_form=True) or b""
                sock.sendall(frame(self._says))
                self.answer = sock.recv(1_000)
        except OSError as error:
            self.failed = type(error).__name__
        finally:
            self.done = True


async def asked(wire: Wire, context: ssl.SSLContext, says: bytes = b"hello") -> Till:
    """What a till gets."""
    till = Till(wire.address, context, says)
    await in_thread(till.run, wire, lambda: till.done)
    return till


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
async def test_frames_go_both_ways_through_tls_and_are_acknowledged(
    papers: Papers, version: ssl.TLSVersion
) -> None:
    context = papers.context()
    context.minimum_version = context.maximum_version = version
    with wire_behind(Door("counter", server(papers.server).filter)) as wire:
        till = await asked(wire, context)
        assert till.answer == frame(b"answer to hello")
        assert till.version == version.name.replace("_", ".")
        if not any(isinstance(event, Acknowledged) for event in wire.seen):
            await wire.one(Acknowledged)


async def test_an_old_version_of_tls_is_refused(papers: Papers) -> None:
    settings = msgspec.structs.replace(papers.server, version_min="1.3")
    context = papers.context()
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    with wire_behind(Door("counter", server(settings).filter)) as wire:
        till = await asked(wire, context)
        assert till.failed
        assert wire.engine.refused["no TLS agreed"] == 1


async def test_who_speaks_no_tls_is_ended_and_nobody_else(papers: Papers) -> None:
    with wire_behind(Door("counter", server(papers.server).filter)) as wire:
        with socket.create_connection(wire.address, WAIT_S) as plain:
            plain.sendall(frame(b"hello in clear"))
            await wire.lost("no TLS agreed")
        assert (await asked(wire, papers.context())).answer


async def test_a_handshake_that_is_not_finished_is_ended(papers: Papers) -> None:
    door = Door("counter", server(papers.server).filter)
    with (
        wire_behind(door, limits=IMPATIENT) as wire,
        socket.create_connection(wire.address, WAIT_S) as silent,
    ):
        silent.sendall(b"\x16\x03\x01")
        await wire.lost("no handshake in time")


async def test_mutual_tls_takes_only_terminals_with_a_good_certificate(papers: Papers) -> None:
    with wire_behind(Door("counter", server(papers.mutual()).filter)) as wire:
        assert (await asked(wire, papers.context(papers.signed("till", "till.test")))).answer
        without = await asked(wire, papers.context())
        assert not without.answer
        stranger_authority = trustme.CA().issue_cert("till.test")
        stranger = papers.context()
        stranger_authority.configure_cert(stranger)
        assert not (await asked(wire, stranger)).answer
        assert (
            wire.engine.refused["no TLS agreed"] + wire.engine.refused["certificate not accepted"]
            == 2
        )


def sale(terminal: str) -> bytes:
    raw, _ = encode({"t": "0800", "11": "000001", "41": terminal, "70": "301"}, SPEC)
    return bytes(raw)


def bound_door(papers: Papers) -> Door:
    """A terminal's certificate says its DE 41."""
    binding = Binding(dialect("iso87-ascii"), 41)
    return Door("counter", server(papers.mutual()).filter, binding=binding)


async def test_a_terminal_that_says_to_be_another_than_its_certificate_is_ended(
    papers: Papers,
) -> None:
    client = papers.context(papers.signed("till", "till.test", "TERM0001"))
    with wire_behind(bound_door(papers)) as wire:
        assert (await asked(wire, client, sale("TERM0001"))).answer
        liar = await asked(wire, client, sale("TERM0002"))
        assert not liar.answer
        assert wire.engine.refused["not its certificate's terminal"] == 1


class Goodbye:
    """A terminal whose last frames and whose end of TLS arrive in one segment."""

    def __init__(self, address: tuple[str, int], context: ssl.SSLContext, *says: bytes) -> None:
        self._address, self._says = address, says
        self._from_wire, self._to_wire = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._from_wire, self._to_wire, server_hostname="localhost")

    def run(self) -> None:
        with socket.create_connection(self._address, WAIT_S) as sock:
            while not self._shaken():
                sock.sendall(self._to_wire.read())
                self._from_wire.write(sock.recv(65_536))
            self._tls.write(b"".join(frame(each) for each in self._says))
            with contextlib.suppress(ssl.SSLWantReadError):
                self._tls.unwrap()
            sock.sendall(self._to_wire.read())
            with contextlib.suppress(ConnectionError):
                sock.recv(65_536)

    def _shaken(self) -> bool:
        try:
            self._tls.do_handshake()
        except ssl.SSLWantReadError:
            return False
        return True


async def last_words(papers: Papers, door: Door, *says: bytes) -> list[WireEvent]:
    """What the engine tells of a terminal that says so much and ends at once."""
    client = papers.context(papers.signed("till", "till.test", "TERM0001"))
    with wire_behind(door) as wire:
        goodbye = Goodbye(wire.address, client, *says)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(trio.to_thread.run_sync, goodbye.run)
            await wire.one(Lost)
    return wire.seen


@pytest.mark.parametrize("bound", [False, True])
async def test_the_last_frame_before_the_end_of_tls_is_still_heard(
    papers: Papers, bound: bool
) -> None:
    door = bound_door(papers) if bound else Door("counter", server(papers.mutual()).filter)
    told = await last_words(papers, door, sale("TERM0001"), sale("TERM0001"))
    heard = [event.data for event in told if isinstance(event, Frame)]
    assert heard == [sale("TERM0001")] * 2
    assert [event.why for event in told if isinstance(event, Lost)] == ["ended"]


async def test_who_lies_in_the_last_frame_is_ended_for_that(papers: Papers) -> None:
    told = await last_words(
        papers, bound_door(papers), sale("TERM0001"), sale("TERM0002"), sale("TERM0001")
    )
    assert [event.data for event in told if isinstance(event, Frame)] == [sale("TERM0001")]
    assert [event.why for event in told if isinstance(event, Lost)] == [
        "not its certificate's terminal"
    ]


async def test_certificates_are_read_anew_without_a_restart(papers: Papers) -> None:
    credentials = server(papers.server)
    with wire_behind(Door("counter", credentials.filter)) as wire:
        before = (await asked(wire, papers.context())).served_by
        papers.signed("server", "localhost")
        assert (await asked(wire, papers.context())).served_by == before
        credentials.reload()
        after = await asked(wire, papers.context())
        assert after.answer
        assert after.served_by not in (before, b"")


def test_a_certificate_that_cannot_be_read_leaves_the_old_one(
    papers: Papers, tmp_path: Path
) -> None:
    credentials = server(papers.server)
    (tmp_path / "server.pem").write_text("no certificate")
    with pytest.raises(ssl.SSLError):
        credentials.reload()
    assert credentials.filter().shake(b"") is False


# Hosts


async def linked(engine: Engine, port: int, work: Callable[[], None]) -> int | None:
    """A link to a host whose side blocks in a thread."""
    found: list[int | None] = []

    async def connect() -> None:
        found.append(await engine.connect("127.0.0.1", port, "bank", WAIT_S))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(trio.to_thread.run_sync, work)
        nursery.start_soon(connect)
    return found[0]


async def test_a_host_link_speaks_tls_and_hears_what_came_with_the_handshake(
    papers: Papers,
) -> None:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(papers.server.certificate_file, papers.server.key_file)
    settings = TlsSettings(authorities_file=papers.authorities_file, server_name="localhost")
    engine = Engine(LIMITS, SystemClock())
    engine.secure("bank", Credentials(settings, server_side=False).filter)
    served: list[ssl.SSLSocket] = []
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            sock = context.wrap_socket(listening.accept()[0], server_side=True)
            sock.sendall(frame(b"early"))
            served.append(sock)

        conn = await linked(engine, listening.getsockname()[1], serve)
    assert conn is not None
    events: list[WireEvent] = []
    with trio.fail_after(WAIT_S):
        while not events:
            events = await engine.turn(0.05)
    assert events == [Frame(conn, "bank", b"early")]
    engine.send(conn, b"to the bank")
    engine.flush()
    served[0].settimeout(WAIT_S)
    assert await trio.to_thread.run_sync(served[0].recv, 100) == frame(b"to the bank")
    engine.close_all()
    served[0].close()


async def test_a_host_with_another_name_in_its_certificate_gets_no_link(papers: Papers) -> None:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(papers.server.certificate_file, papers.server.key_file)
    settings = TlsSettings(authorities_file=papers.authorities_file, server_name="other.test")
    engine = Engine(LIMITS, SystemClock())
    engine.secure("bank", Credentials(settings, server_side=False).filter)
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            raw = listening.accept()[0]
            with raw, pytest.raises(OSError, match=r".*"):
                context.wrap_socket(raw, server_side=True).recv(1)

        assert await linked(engine, listening.getsockname()[1], serve) is None
    assert engine.refused["certificate not accepted"] == 1
    engine.close_all()


async def test_a_host_may_connect_to_us_from_where_it_is_allowed_to() -> None:
    engine = Engine(LIMITS, SystemClock())
    with socket.create_server(("127.0.0.1", 0)) as found:
        port = found.getsockname()[1]
    engine.expect("bank", expecting("127.0.0.1", port), Networks(("127.0.0.1/32",)).__contains__)
    socks = []

    def come() -> None:
        stranger = socket.create_connection(
            ("127.0.0.1", port), WAIT_S, source_address=("127.0.0.2", 0)
        )
        host = socket.create_connection(("127.0.0.1", port), WAIT_S)
        host.sendall(frame(b"here I am"))
        socks.extend([stranger, host])

    conn = await linked(engine, 0, come)
    assert conn is not None
    assert engine.peer(conn) == "bank"
    assert engine.refused["host not allowed"] == 1
    assert socks[0].recv(1) == b""
    with trio.fail_after(WAIT_S):
        while not (events := await engine.turn(0.05)):
            pass
    assert events == [Frame(conn, "bank", b"here I am")]
    assert await engine.connect("", 0, "bank", 0.05) is None
    engine.close_all()
    for sock in socks:
        sock.close()


# Proxies


def header(source: str, *, command: int = 0x21, more: bytes = b"") -> bytes:
    """What a proxy says of a terminal at an address; `more` stands behind the addresses."""
    over_ip6 = ":" in source
    family, ours = (socket.AF_INET6, "2001:db8::1") if over_ip6 else (socket.AF_INET, "10.0.0.1")
    addresses = socket.inet_pton(family, source) + socket.inet_pton(family, ours)
    body = addresses + struct.pack(">HH", 4_000, 8_583) + more
    kind = 0x21 if over_ip6 else 0x11
    return SIGNATURE + bytes([command, kind]) + struct.pack(">H", len(body)) + body


LOCAL = SIGNATURE + b"\x20\x00\x00\x00"
"""A proxy that speaks for itself, to see whether somebody is there."""
LOCAL_WITH_ADDRESSES = header("192.0.2.7", command=0x20)
"""They are to be passed over."""
TLVS = b"\x02\x00\x09till.test" + b"\x04\x00\x03\0\0\0" + b"\x20\x00\x05\x01\0\0\0\0"
"""What a proxy adds: the name that was asked for, padding, that TLS ended there."""


def proxied(*, acknowledges: bool = False) -> Door:
    return Door("counter", Proxied, Networks(("127.0.0.1",)).__contains__, acknowledges)


async def test_frames_stand_behind_a_proxys_header_however_it_is_cut() -> None:
    with wire_behind(proxied()) as wire, socket.create_connection(wire.address, WAIT_S) as sock:
        stream = header("192.0.2.7") + frame(b"hello")
        for byte in stream[:-1]:
            sock.sendall(bytes([byte]))
            await wire.engine.turn(0.001)
        sock.sendall(stream[-1:])
        assert (await wire.heard()).data == b"hello"


@pytest.mark.parametrize(
    "said",
    [
        header("2001:db8::7"),
        header("192.0.2.7", more=TLVS),
        header("2001:db8::7", more=TLVS),
        LOCAL,
        LOCAL_WITH_ADDRESSES,
    ],
    ids=["IPv6", "IPv4 and more", "IPv6 and more", "local", "local with addresses"],
)
async def test_every_kind_of_a_proxys_header_is_read_to_its_end(said: bytes) -> None:
    with wire_behind(proxied()) as wire, socket.create_connection(wire.address, WAIT_S) as sock:
        for byte in said[:-1]:
            sock.sendall(bytes([byte]))
            await wire.engine.turn(0.001)
        sock.sendall(said[-1:] + frame(b"hello"))
        assert (await wire.heard()).data == b"hello"


@pytest.mark.parametrize(
    ("sent", "why"),
    [
        (frame(b"no header at all"), "no proxy header"),
        (header("192.0.2.7", command=0x22), "bad proxy header"),
        (SIGNATURE + b"\x21\x11\xff\xff", "bad proxy header"),
        (SIGNATURE + b"\x21\x00\x00\x00", "bad proxy header"),
        (SIGNATURE + b"\x21\x21" + header("192.0.2.7")[14:], "bad proxy header"),
        (header("2001:db8::7", command=0x31), "bad proxy header"),
        (SIGNATURE[:5], "no handshake in time"),
    ],
)
async def test_what_is_no_proxys_header_ends_the_connection(sent: bytes, why: str) -> None:
    with (
        wire_behind(proxied(), limits=IMPATIENT) as wire,
        socket.create_connection(wire.address, WAIT_S) as sock,
    ):
        sock.sendall(sent)
        await wire.lost(why)


async def test_only_named_proxies_connect() -> None:
    door = proxied()._replace(trusts=Networks(("192.0.2.0/24",)).__contains__)
    with wire_behind(door) as wire, socket.create_connection(wire.address, WAIT_S) as sock:
        for _ in range(5):
            await wire.engine.turn(0.01)
        assert sock.recv(1) == b""
        assert wire.engine.refused["proxy not trusted"] == 1


@pytest.mark.parametrize(
    ("first", "other", "again"),
    [
        ("192.0.2.7", "192.0.2.8", "192.0.2.7"),
        ("2001:db8::7", "2001:db8::8", "2001:db8:0:0::7"),
        ("192.0.2.7", "2001:db8::7", "::ffff:192.0.2.7"),
    ],
)
async def test_the_limit_of_an_address_is_that_of_the_terminal_behind_the_proxy(
    first: str, other: str, again: str
) -> None:
    limits = msgspec.structs.replace(LIMITS, connections_per_address_max=1)
    with wire_behind(proxied(), limits=limits) as wire, contextlib.ExitStack() as stack:

        def comes(source: str) -> None:
            sock = stack.enter_context(socket.create_connection(wire.address, WAIT_S))
            sock.sendall(header(source) + frame(b"hello"))

        for source in (first, other):
            comes(source)
            await wire.heard()
        comes(again)
        await wire.lost("connections_per_address_max")


async def test_a_proxy_that_looks_after_us_counts_as_no_terminals_address() -> None:
    limits = msgspec.structs.replace(LIMITS, connections_per_address_max=1)
    with wire_behind(proxied(), limits=limits) as wire, contextlib.ExitStack() as stack:
        for said in (LOCAL, LOCAL_WITH_ADDRESSES, LOCAL, header("192.0.2.7")):
            sock = stack.enter_context(socket.create_connection(wire.address, WAIT_S))
            sock.sendall(said + frame(b"hello"))
            await wire.heard()
        assert not wire.engine.refused


async def test_a_proxys_acknowledgement_proves_nothing() -> None:
    with wire_behind(proxied()) as wire, socket.create_connection(wire.address, WAIT_S) as sock:
        sock.sendall(header("192.0.2.7") + frame(b"hello"))
        conn = (await wire.heard()).conn
        assert wire.engine.send(conn, b"approved", 42)
        wire.engine.flush()
        assert sock.recv(100) == frame(b"approved")
        sock.close()
        await wire.lost("ended")
        assert not [event for event in wire.seen if isinstance(event, Acknowledged)]


async def test_tls_may_stand_behind_a_proxys_header(papers: Papers) -> None:
    credentials = server(papers.server)
    door = proxied()._replace(filter=lambda: Proxied(credentials.filter()))
    wire = Wire(door)
    answers: list[bytes] = []

    def run() -> None:
        with socket.create_connection(wire.address, WAIT_S) as raw:
            raw.sendall(header("192.0.2.7"))
            with papers.context().wrap_socket(raw, server_hostname="localhost") as sock:
                sock.sendall(frame(b"hello"))
                answers.append(sock.recv(100))

    await in_thread(run, wire, lambda: bool(answers))
    assert answers == [frame(b"answer to hello")]
    wire.engine.close_all()
