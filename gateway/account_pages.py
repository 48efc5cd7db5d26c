"""Account services over HTTP: `POST /accounts/<verb>`, the list, and each request's story."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import trio
from starlette.responses import Response
from starlette.routing import Route

from gateway.desk import accounts
from gateway.desk.requests import Account
from routing.accounts.asked import Record

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from starlette.requests import Request

    from gateway.desk.desk import Desk


class AccountBody(msgspec.Struct, forbid_unknown_fields=True):
    """Body of POST /accounts/<verb>: file and action as in DE 101 and 91, and the particulars."""

    file: str = ""
    action: str = ""
    record: Record = Record()
    key: str = ""
    who: str = ""


class AccountPages:
    """The pages; `body` and `who` are the site's ways to read a request."""

    def __init__(
        self,
        desk: Desk,
        body: Callable[[Request, type[AccountBody]], Awaitable[AccountBody]],
        who: Callable[[Request, str], str],
    ) -> None:
        self._desk, self._body, self._who = desk, body, who

    def routes(
        self,
        guarded: Callable[[Any], Any],
        reading: Callable[[Any], Any],
    ) -> list[Route]:
        """Where they are; `guarded` ones change something."""
        return [
            Route("/accounts", reading(self._list)),
            Route("/accounts/{id}", reading(self._explain)),
            Route("/accounts/{verb}", guarded(self._ask), methods=["POST"]),
        ]

    async def _ask(self, request: Request) -> Response:
        body = await self._body(request, AccountBody)
        wanted = Account(
            verb=request.path_params["verb"],
            file=body.file,
            action=body.action,
            record=body.record,
            key=body.key or request.headers.get("idempotency-key", ""),
        )
        reply = await self._desk.do(wanted, self._who(request, body.who))
        said = {"said": reply.said} if reply.ok else {"error": reply.said}
        return _json(reply.facts | said, reply.status)

    async def _list(self, request: Request) -> Response:
        everything = "all" in request.query_params

        def read() -> list[dict[str, Any]]:
            return accounts.listed(self._desk.config, everything=everything)

        return _json(await trio.to_thread.run_sync(read))

    async def _explain(self, request: Request) -> Response:
        config, request_id = self._desk.config, request.path_params["id"]
        told = await trio.to_thread.run_sync(accounts.explained, config, request_id)
        return _json(told, 200 if told else 404)


def _json(value: Any, status: int = 200) -> Response:
    return Response(msgspec.json.encode(value), status, media_type="application/json")
