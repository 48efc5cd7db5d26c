"""A simulated bank that settles: takes merchants' settlement cards over HTTP, and tells its list.

It alone can open the numbers that it is sent.  What it keeps, in its book too, is masked.  It can
be told to fail, to take a card and lose its answer, and to refuse cards by their last digits.
"""

from __future__ import annotations

import json
import os
import time
from typing import TYPE_CHECKING, Any, Final

import hypercorn.trio
import msgspec
import trio
from hypercorn.config import Config as HypercornConfig
from joserfc import jwe
from joserfc.errors import JoseError
from joserfc.jwk import OKPKey
from starlette.applications import Starlette
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from codec import mask

if TYPE_CHECKING:
    from pathlib import Path

    from starlette.requests import Request

_PAGE: Final = 100
_TAIL: Final = 4


class BankScript(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How it behaves."""

    host: str = "127.0.0.1"
    port: int = 9590
    fail_every: int = 0
    """Every so manieth request is answered 503 and changes nothing."""
    lose_every: int = 0
    """Every so manieth card is taken, and its answer is lost: 500."""
    refuse: dict[str, str] = {}
    """Reasons, like P13, by the last four digits of cards that it does not take."""
    token: str = ""
    """What a caller must bring, if anything."""


class _Sent(msgspec.Struct, frozen=True):
    """What it is sent of a card."""

    card: str
    token: str
    masked: str
    holder: str = ""
    bank: str = ""
    kind: str = ""
    request: str = ""


class SettlementBank:
    """Takes cards, keeps the newest version of each merchant, tells its list."""

    def __init__(self, script: BankScript, key: OKPKey, book: Path | None = None) -> None:
        self.script = script
        self._key, self._book = key, book
        self.cards: dict[str, dict[str, Any]] = {}
        """By merchant: its newest version, as it is told."""
        self.requests = self.taken = 0
        if book is not None and book.exists():
            for line in book.read_text("utf-8").splitlines():
                card = json.loads(line)
                self.cards[card["merchant"]] = card

    def app(self) -> Starlette:
        """Its pages."""
        return Starlette(
            routes=[
                Route("/settlement-cards", self._list),
                Route(
                    "/settlement-cards/{merchant}/versions/{number:int}",
                    self._put,
                    methods=["PUT"],
                ),
            ]
        )

    async def serve(
        self, *, task_status: trio.TaskStatus[list[str]] = trio.TASK_STATUS_IGNORED
    ) -> None:
        """Run until it is cancelled; where it listens is told."""
        config = HypercornConfig()
        config.bind = [f"{self.script.host}:{self.script.port}"]
        config.accesslog = config.errorlog = None
        config.graceful_timeout = 0.1
        await hypercorn.trio.serve(self.app(), config, task_status=task_status)  # type: ignore[arg-type]

    def _trouble(self, request: Request) -> Response | None:
        self.requests += 1
        if self.script.token:
            wanted = f"Bearer {self.script.token}"
            if request.headers.get("authorization") != wanted:
                return JSONResponse({"error": "not known here"}, 401)
        every = self.script.fail_every
        if every and self.requests % every == 0:
            return JSONResponse({"error": "not now"}, 503)
        return None

    async def _put(self, request: Request) -> Response:
        trouble = self._trouble(request)
        if trouble is not None:
            return trouble
        merchant, number = request.path_params["merchant"], request.path_params["number"]
        try:
            sent = msgspec.json.decode(await request.body(), type=_Sent)
            digits = (jwe.decrypt_compact(sent.card, self._key).plaintext or b"").decode("ascii")
        except (JoseError, ValueError, TypeError, msgspec.MsgspecError):
            return JSONResponse({"error": "can't be read"}, 400)
        code = self.script.refuse.get(digits[-_TAIL:])
        if code is not None:
            return JSONResponse({"codes": [code]}, 422)
        return self._take(merchant, number, sent, mask.pan(digits))

    def _take(self, merchant: str, number: int, sent: _Sent, masked: str) -> Response:
        known = self.cards.get(merchant, {"version": 0})
        if number < known["version"]:
            return JSONResponse({"codes": ["P8"]}, 409)
        if number == known["version"] and known["token"] != sent.token:
            return JSONResponse({"codes": ["P8"]}, 409)
        if number > known["version"]:
            card = {"merchant": merchant, "version": number, "token": sent.token}
            self._keep(card | {"masked": masked, "holder": sent.holder, "at": time.time()})
        self.taken += 1
        every = self.script.lose_every
        if every and self.taken % every == 0:
            return JSONResponse({"error": "lost"}, 500)
        return JSONResponse({"version": number, "masked": masked})

    def _keep(self, card: dict[str, Any]) -> None:
        """In the book first, as a bank would."""
        if self._book is not None:
            with self._book.open("a", encoding="utf-8") as file:
                file.write(json.dumps(card) + "\n")
                file.flush()
                os.fsync(file.fileno())
        self.cards[card["merchant"]] = card

    async def _list(self, request: Request) -> Response:
        trouble = self._trouble(request)
        if trouble is not None:
            return trouble
        after = request.query_params.get("after", "")
        names = sorted(name for name in self.cards if name > after)
        told = [self.cards[name] for name in names[:_PAGE]]
        more = names[_PAGE - 1] if len(names) > _PAGE else ""
        return JSONResponse({"cards": told, "next": more})


def key_in(file: Path) -> OKPKey:
    """The bank's key; made, with its public half beside it as `<file>.pub`, if there is none."""
    if not file.exists():
        key = OKPKey.generate_key("X25519")
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as secret:
            secret.write(json.dumps(key.as_dict(private=True)))
        public = json.dumps(key.as_dict(private=False))
        file.with_name(f"{file.name}.pub").write_text(public + "\n", "ascii")
    return OKPKey.import_key(json.loads(file.read_text("ascii")))
