"""Settlement over HTTP: the key for card numbers, both sides' cards, runs, comparisons."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import trio
from starlette.routing import Route

from gateway.desk import payouts
from gateway.desk.requests import CompareCards, RunSettlement
from gateway.http_bodies import json_reply

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from starlette.requests import Request
    from starlette.responses import Response

    from gateway.desk.desk import Desk
    from gateway.desk.requests import Reply


class RunBody(msgspec.Struct, forbid_unknown_fields=True):
    """Body of POST /settlement/run: a day like 2026-11-26 ('': today), in one currency (DE 49)."""

    day: str = ""
    currency: str = "156"
    who: str = ""


class CompareBody(msgspec.Struct, forbid_unknown_fields=True):
    """Body of POST /settlement/compare."""

    who: str = ""


class SettlementPages:
    """The pages; `body` and `who` are the site's ways to read a request."""

    def __init__(
        self,
        desk: Desk,
        body: Callable[[Request, type[Any]], Awaitable[Any]],
        who: Callable[[Request, str], str],
    ) -> None:
        self._desk, self._body, self._who = desk, body, who

    def routes(self, guarded: Callable[[Any], Any], reading: Callable[[Any], Any]) -> list[Route]:
        """Where they are; `guarded` ones change something."""
        return [
            Route("/settlement/card-key", self._key),
            Route("/settlement/cards", reading(self._cards)),
            Route("/settlement/run", guarded(self._run), methods=["POST"]),
            Route("/settlement/compare", guarded(self._compare), methods=["POST"]),
        ]

    async def _key(self, request: Request) -> Response:
        del request
        door = self._desk.cards
        return json_reply({} if door is None else door.card_key, 404 if door is None else 200)

    async def _cards(self, request: Request) -> Response:
        del request
        return json_reply(await trio.to_thread.run_sync(payouts.cards, self._desk.config))

    async def _run(self, request: Request) -> Response:
        body: RunBody = await self._body(request, RunBody)
        wanted = RunSettlement(day=body.day, currency=body.currency)
        return _shown(await self._desk.do(wanted, self._who(request, body.who)))

    async def _compare(self, request: Request) -> Response:
        body: CompareBody = await self._body(request, CompareBody)
        return _shown(await self._desk.do(CompareCards(), self._who(request, body.who)))


def _shown(reply: Reply) -> Response:
    said = {"said": reply.said} if reply.ok else {"error": reply.said}
    return json_reply(reply.facts | said, reply.status)
