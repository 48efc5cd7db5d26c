"""Account services over HTTP: `POST /accounts/<verb>`, the list, and each request's story."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec
import trio
from starlette.responses import Response
from starlette.routing import Route

from gateway.desk import account_totals, accounts, funnel, plan_trial
from gateway.desk.requests import Account
from gateway.http_bodies import BadRequestError
from routing.accounts.asked import Record
from routing.accounts.machine import Kind
from routing.accounts.plan import Plan

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from starlette.requests import Request

    from gateway.desk.desk import Desk


_DAY_S: Final = 86_400.0


class AccountBody(msgspec.Struct, forbid_unknown_fields=True):
    """Body of POST /accounts/<verb>: file and action as in DE 101 and 91, and the particulars."""

    file: str = ""
    action: str = ""
    record: Record = Record()
    key: str = ""
    who: str = ""


class TrialBody(msgspec.Struct, forbid_unknown_fields=True):
    """Body of POST /accounts/dry-run."""

    merchant: str
    plan: Plan
    days: int = 7


class AccountPages:
    """The pages; `body` and `who` are the site's ways to read a request."""

    def __init__(
        self,
        desk: Desk,
        body: Callable[[Request, type[Any]], Awaitable[Any]],
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
            Route("/accounts/funnel", reading(self._funnel)),
            Route("/accounts/totals", reading(self._totals)),
            Route("/accounts/dry-run", guarded(self._dry_run), methods=["POST"]),
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

    async def _funnel(self, request: Request) -> Response:
        kind = request.query_params.get("kind", Kind.SECOND)
        if kind not in funnel.WAYS:
            message = f"kind: {' or '.join(funnel.WAYS)}"
            raise BadRequestError(message)
        found = await trio.to_thread.run_sync(funnel.funnel, self._desk.config, Kind(kind))
        return _json(msgspec.to_builtins(found))

    async def _totals(self, request: Request) -> Response:
        days = request.query_params.get("days", "7")
        if not days.isdigit():
            message = "days: a number of days"
            raise BadRequestError(message)
        until = self._desk.clock.now().wall
        since = until - int(days) * _DAY_S
        merchant, config = request.query_params.get("merchant", ""), self._desk.config
        work = account_totals.totals
        found = await trio.to_thread.run_sync(work, config, merchant, since, until)
        return _json(msgspec.to_builtins(found))

    async def _dry_run(self, request: Request) -> Response:
        body, config = await self._body(request, TrialBody), self._desk.config
        problems = list(body.plan.problems())
        if problems:
            raise BadRequestError("; ".join(problems))
        until = self._desk.clock.now().wall
        since, work = until - body.days * _DAY_S, plan_trial.dry_run
        trial = await trio.to_thread.run_sync(work, config, body.merchant, body.plan, since, until)
        return _json(msgspec.to_builtins(trial))

    async def _explain(self, request: Request) -> Response:
        config, request_id = self._desk.config, request.path_params["id"]
        told = await trio.to_thread.run_sync(accounts.explained, config, request_id)
        return _json(told, 200 if told else 404)


def _json(value: Any, status: int = 200) -> Response:
    return Response(msgspec.json.encode(value), status, media_type="application/json")
