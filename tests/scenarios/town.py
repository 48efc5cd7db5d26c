"""A town: one gateway and one host for every row, and for each row a shop of its own.

A shop speaks as its POS terminal does, MAC and all, and its people ask over HTTP.  No checks here.
"""

from __future__ import annotations

import json
import threading
import tomllib
import urllib.error
import urllib.request
from contextlib import ExitStack
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Self

from codec import Framer, MacKey, Message, build, dialect, mac
from tests.adversity.peers import Host
from tests.adversity.peers import Terminal as Line
from tests.adversity.stage import Stage, free_ports, wait_until
from tests.routing.world import BATCH, HEADER, POS, reversal, sale

if TYPE_CHECKING:
    from collections.abc import Callable

SHOPS: Final = 160
OWNER, CASHIER = "01", "07"
WAIT_S: Final = 20.0
HASH: Final = "ab" * 32
_KEY: Final = "0123456789ABCDEF" * 2
_SPOKEN: Final = dialect(POS)
_FILES: Final = {"MERCHANT": "01", "TERMINAL": "02", "SETTLEACC": "03", "MERCH2": "04"}
_STAFF: Final = {
    "casey": "cashier",
    "clara": "clerk",
    "rita": "reviewer",
    "ron": "reviewer",
    "anna": "appeals",
    "sam": "supervisor",
    "sec": "security",
    "tech": "technician",
    "agnes": "agent",
}
_RULES: Final = """[{version = "town", software_min = "20", clock_skew_max_s = 300,
 documents = {"cancellation@north" = ["licence", "tax"], "second" = ["licence-copy"]},
 qualification = {business = 60},
 verifications = {high = ["phone"]}, approvals = {high = 2},
 windows = {onboarding = [{days = [1, 2, 3, 4, 5, 6, 7], opens = "00:00", closes = "24:00"}]},
 due_h = {"complaint.work" = 0.0005, "second.fix" = 0.001}, serials = ["SN-"],
 fee = {deactivation = 500}, days_expected = {deactivation = 3}}]""".replace("\n", "")


class Scene(NamedTuple):
    """What plays some rows."""

    rows: tuple[str, ...]
    play: Callable[[Shop], None]
    is_slow: bool


class Rows(list[Scene]):
    """Rows and what plays them."""

    def plays(
        self, *rows: str, is_slow: bool = False
    ) -> Callable[[Callable[[Shop], None]], Callable[[Shop], None]]:
        """What follows is the scene of these rows."""

        def entered(play: Callable[[Shop], None]) -> Callable[[Shop], None]:
            self.append(Scene(rows, play, is_slow))
            return play

        return entered


class Reply(dict[str, Any]):
    """What the gateway said to a person."""

    status: int = 0


def merchant(number: int) -> str:
    """The merchant of a shop: hardly a digit in it, for its people are called by it."""
    return f"SHOP-{chr(65 + number // 26)}{chr(65 + number % 26)}".ljust(15, "X")


class Shop:
    """A merchant with one terminal, whose numbers are nobody else's."""

    def __init__(self, town: Town, number: int) -> None:
        self.town = town
        self.merchant, self.terminal = merchant(number), f"T{number:07d}"
        self._stans = count(1)
        self._line: Line | None = None
        self.last: Message
        """The answer to its terminal's last request."""

    # Its terminal

    @property
    def line(self) -> Line:
        """Its terminal's connection."""
        if self._line is None:
            self._line = Line(self.town.port)
        return self._line

    def hangs_up(self) -> None:
        """The connection is cut."""
        if self._line is not None:
            self._line.sock.close()
            self._line = None

    def stan(self) -> str:
        """The next."""
        return f"{next(self._stans):06d}"

    def says(self, message: Message, *, signed: bool = True) -> str:
        """DE 39 of what its terminal is told."""
        message.patch(41, self.terminal)
        message.patch(42, self.merchant)
        if signed and message.mti[1] != "8":
            mac.sign(message, self.town.key)
        self.line.send(message.raw)
        self.last = self._heard()
        return str(self.last[39])

    def _heard(self) -> Message:
        framer, line = Framer(), self.line
        while True:
            frames = framer.feed(line.sock.recv(65_536))
            if frames:
                return Message(frames[0], _SPOKEN)

    def asks(
        self, action: str, file: str = "MERCHANT", operator: str = OWNER, **record: Any
    ) -> str:
        """Its terminal sends a file action; DE 39 of the answer."""
        return self.says(self.file_action(action, file, operator, **record))

    def file_action(self, action: str, file: str, operator: str = OWNER, **record: Any) -> Message:
        """A file action, not sent yet."""
        fields = {11: self.stan(), 41: self.terminal, 42: self.merchant, 63: operator.ljust(3)}
        fields[60] = "40" + BATCH + action + _FILES.get(file, "99")
        if record:
            fields[62] = json.dumps(record)
        return build(_SPOKEN, "0300", fields, HEADER)

    @property
    def told(self) -> dict[str, Any]:
        """The record of the last answer."""
        text = self.last.get(62, "")
        found: dict[str, Any] = json.loads(text) if text.startswith("{") else {}
        return found

    @property
    def codes(self) -> str:
        """DE 44 of the last answer: reasons, or fields."""
        return str(self.last.get(44, ""))

    @property
    def text(self) -> str:
        """What the last answer says in DE 63."""
        return str(self.last[63]).encode("latin-1").decode("gbk")

    def sells(self, amount: int = 1_000, **changes: Any) -> tuple[str, Message]:
        """A sale: what the terminal is told, and the request."""
        request = sale(POS, int(self.stan()), de4=f"{amount:012d}", **changes)
        return self.says(request), request

    def reverses(self, request: Message) -> str:
        """The terminal takes a sale back."""
        return self.says(reversal(request))

    def settles(self, amount: int, number: int) -> str:
        """Its batch."""
        block = f"{amount:012d}{number:03d}" + "0" * 12 + "0000"
        fields = {11: self.stan(), 41: self.terminal, 42: self.merchant, 48: block + "0" * 31}
        fields |= {60: "00" + BATCH + "201", 63: "01 "}
        return self.says(build(_SPOKEN, "0500", fields, HEADER))

    def manages(self, mti: str, code: str, **fields: str) -> str:
        """Sign-in, echo, status upload, sign-off."""
        known = {11: self.stan(), 41: self.terminal, 42: self.merchant, 60: f"00{BATCH}{code}"}
        more = {int(name[2:]): value for name, value in fields.items()}
        return self.says(build(_SPOKEN, mti, known | more, HEADER))

    # People

    def person(
        self, verb: str, who: str, file: str = "", action: str = "", key: str = "", **record: Any
    ) -> Reply:
        """What somebody is told over HTTP."""
        body = {"who": who, "file": file, "action": action, "key": key, "record": record}
        return self.town.post(f"accounts/{verb}", body)

    def enquires(self, who: str = "clara", **record: Any) -> Reply:
        """What stands against it?"""
        file = "TERMINAL" if "terminal" in record else "MERCHANT"
        said = {"merchant": self.merchant, **record}
        return self.person("enquire", who, file, "5", **said)

    def requests(
        self, who: str = "clara", action: str = "3", file: str = "MERCHANT", **record: Any
    ) -> Reply:
        """Enquire, and ask with the token."""
        said: dict[str, Any] = {"merchant": self.merchant}
        if file == "TERMINAL":
            said["terminal"] = self.terminal
            said["state"] = record.pop("state", "CANCELLED")
        told = self.person("enquire", who, file, "5", **said)
        return self.person(
            "request", who, file, action, **said, **record, token=told.get("token", "")
        )

    def wants_off(self, kind: str, who: str = "clara", **record: Any) -> Reply:
        """Its terminal is to go out of service."""
        said = {"state": "DEACTIVATED", "kind": kind, "reason": "as told"} | record
        said.setdefault("contact", "010 555 000")
        return self.requests(who, "2", "TERMINAL", **said)

    def off(self, kind: str, **record: Any) -> str:
        """Its terminal is out of service: the request's number."""
        number = str(self.wants_off(kind, **record)["request"])
        self.decides("approve", "rita", number)
        self.until(number, "DEACTIVATED")
        return number

    def decides(self, verb: str, who: str, number: str, **record: Any) -> Reply:
        """Somebody's word on a request."""
        return self.person(verb, who, request=number, **record)

    def files(self, who: str = "clara", **change: Any) -> Reply:
        """Something is on file of the merchant."""
        return self.person("file", who, merchant=self.merchant, change=change)

    def story(self, number: str) -> dict[str, Any]:
        """A request's story."""
        return self.town.get(f"accounts/{number}")

    def until(self, number: str, state: str) -> None:
        """Wait until a request stands there."""
        wait_until(lambda: self.story(number).get("state") == state, WAIT_S, f"{number} is {state}")

    def passes_its_tests(self) -> None:
        """Sign-in, echo, and a small charge that it reverses."""
        assert self.manages("0800", "001") in ("00", "91", "40")
        self.manages("0820", "301")
        _, request = self.sells(1)
        self.reverses(request)


class Office(BaseHTTPRequestHandler):
    """Where notices are posted."""

    def do_POST(self) -> None:
        """Take one."""
        body = self.rfile.read(int(self.headers["content-length"]))
        self.server.took.append(json.loads(body))  # type: ignore[attr-defined]
        self.send_response(204)
        self.end_headers()

    def log_message(self, *said: object) -> None:
        """Nothing."""


class Town:
    """The gateway's process and its host."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._stack = ExitStack()
        self._numbers = count(1)
        self.rules: dict[str, Any] = tomllib.loads(f"rules = {_RULES}")["rules"][0]
        """Those that are in force at the start."""
        self.key = MacKey("cup-ecb", bytes.fromhex(_KEY))
        (self.port,) = free_ports(1)
        self.stage: Stage
        self.host: Host
        self._office = ThreadingHTTPServer(("127.0.0.1", 0), Office)
        self.notices: list[dict[str, Any]] = []
        """Those that were posted."""
        self._office.took = self.notices  # type: ignore[attr-defined]

    def __enter__(self) -> Self:
        settings = self._settings()
        self.stage = self._stack.enter_context(Stage(self._folder, **settings))
        self.host = self._stack.enter_context(Host(self.stage.host_port))
        threading.Thread(target=self._office.serve_forever, daemon=True).start()
        self.gateway = self.stage.gateway()
        return self

    def __exit__(self, *error: object) -> None:
        self._office.shutdown()
        self._office.server_close()
        self._stack.close()

    def is_killed(self) -> None:
        """With `kill -9`, and starts anew."""
        self.gateway.kill()
        self.gateway.wait()
        self.gateway = self.stage.gateway()

    def _settings(self) -> dict[str, object]:
        key = self._folder / "mac.key"
        key.touch(0o600)
        key.write_text(_KEY)
        registry = self._folder / "registry.toml"
        registry.write_text("\n".join(registered(number) for number in range(1, SHOPS + 1)))
        listener = (
            f'[{{name="pos", host="127.0.0.1", port={self.port}, dialect="{POS}",'
            f' terminal_resolves_first=true, mac={{algorithm="cup-ecb", key_file="{key}"}}}}]'
        )
        return {
            "listener": listener,
            "accounts.people": f"[{', '.join(_people())}]",
            "accounts.rules": _RULES,
            "accounts.test_amount_max": 2_000,
            "accounts.look_every_s": 0.2,
            "wire.acknowledgement_settles_s": 0.05,
            "notices.url": f"http://127.0.0.1:{self._office.server_port}/notices",
            "backups.folder": self._folder / "backups",
            "registry.file": registry,
        }

    def shop(self) -> Shop:
        """A shop that nothing happened in yet."""
        return Shop(self, next(self._numbers))

    def get(self, page: str) -> dict[str, Any]:
        """A page of the admin side."""
        _, text = self.stage.ask(page)
        found: dict[str, Any] = json.loads(text)
        return found

    def metric(self, line: str) -> float:
        """A value of /metrics, by its name and labels."""
        _, text = self.stage.ask("metrics")
        found = next((x for x in text.splitlines() if x.startswith(line + " ")), "0 0")
        return float(found.rpartition(" ")[2])

    def post(self, page: str, body: dict[str, Any]) -> Reply:
        """Something is asked for."""
        url = f"http://127.0.0.1:{self.stage.admin_port}/{page}"
        headers = {"content-type": "application/json"}
        asked = urllib.request.Request(url, json.dumps(body).encode(), headers, method="POST")
        try:
            with urllib.request.urlopen(asked, timeout=WAIT_S) as answer:  # noqa: S310
                reply, status = Reply(json.load(answer)), answer.status
        except urllib.error.HTTPError as error:
            with error:
                reply, status = Reply(json.load(error)), error.code
        reply.status = status
        return reply

    def listed(self) -> list[dict[str, Any]]:
        """Requests under way."""
        found: list[dict[str, Any]] = json.loads(self.stage.ask("accounts")[1])
        return found

    def open_of(self, shop: Shop) -> dict[str, Any]:
        """Wait for a shop's only request under way."""
        found: list[dict[str, Any]] = []

        def there() -> bool:
            found[:] = [each for each in self.listed() if each["merchant"] == shop.merchant]
            return len(found) == 1

        wait_until(there, WAIT_S, "a request of the shop's is under way")
        return found[0]

    def is_told(self, request: str, told: str) -> dict[str, Any]:
        """Wait until a notice of a request says something, as a state or as what it tells."""
        found: list[dict[str, Any]] = []

        def came() -> bool:
            found[:] = [
                each
                for each in list(self.notices)
                if each.get("request") == request and told in (each["state"], each["told"])
            ]
            return bool(found)

        wait_until(came, WAIT_S, f"a notice that {request} is {told}")
        return found[0]


def _people() -> list[str]:
    staff = [f'{{name="{name}", roles=["{role}"]}}' for name, role in _STAFF.items()]
    staff.append('{name="novice", roles=["reviewer"], trained=false}')
    for number in range(1, SHOPS + 1):
        for operator, role in ((OWNER, "merchant"), (CASHIER, "cashier")):
            staff.append(f'{{name="{merchant(number)}/{operator}", roles=["{role}"]}}')
    return staff


def registered(number: int) -> str:
    """A merchant's and a terminal's entries; every second terminal is told things in Chinese."""
    language = "zh" if number % 2 == 0 else "en"
    return (
        f'[[merchant]]\nid = "{merchant(number)}"\n'
        f'[[terminal]]\nmerchant = "{merchant(number)}"\nid = "T{number:07d}"\n'
        f'serial = "SN-{number}"\nlanguage = "{language}"\n'
    )
