"""The HTTP side: health, metrics, and what tills and operators report.

Reading is free to whoever reaches the address (keep it private); changing something needs the
token of `admin.token_file` where one is configured.
"""

from __future__ import annotations

import hmac
from contextlib import aclosing
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import hypercorn.trio
import msgspec
from hypercorn.config import Config as HypercornConfig
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from starlette.applications import Starlette
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from gateway.cases import CLOSINGS, case_of
from routing.charge import State

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    import trio
    from starlette.requests import Request

    from gateway.clock import Clock
    from gateway.config import Admin
    from gateway.lifecycle import Lifecycle
    from gateway.metrics import GatewayCollector
    from gateway.pipeline import Pipeline
    from routing.charge import Charge
    from routing.switch import Switch

_BODY_BYTES_MAX = 4_096
_FOUND_MAX = 100
Body = TypeVar("Body", bound=msgspec.Struct)


class ServiceReport(msgspec.Struct, forbid_unknown_fields=True):
    """Body of POST /charges/{id}/service."""

    served: bool
    reason: str = ""


class CaseDecision(msgspec.Struct, forbid_unknown_fields=True):
    """Body of POST /cases/{id}/close: `how` is one of `gateway.cases.CLOSINGS`."""

    how: str


class BadRequestError(Exception):
    """The request can't be understood; answered 400 with this text."""


class AdminSite:
    """The pages; everything that changes a charge goes through the same pipeline as messages do."""

    def __init__(
        self,
        settings: Admin,
        switch: Switch,
        pipeline: Pipeline,
        lifecycle: Lifecycle,
        collector: GatewayCollector,
        clock: Clock,
    ) -> None:
        self._settings = settings
        self._token = _token(settings)
        self._switch = switch
        self._pipeline = pipeline
        self._lifecycle = lifecycle
        self._clock = clock
        self._registry = CollectorRegistry()
        self._registry.register(collector)

    def _app(self) -> Starlette:
        return Starlette(
            routes=[
                Route("/livez", self._livez),
                Route("/readyz", self._readyz),
                Route("/metrics", self._metrics),
                Route("/charges", self._charges),
                Route("/charges/{id:int}/service", self._guarded(self._service), methods=["POST"]),
                Route("/cases", self._cases),
                Route("/cases/{id:int}/close", self._guarded(self._close), methods=["POST"]),
            ]
        )

    async def serve(self, *, task_status: trio.TaskStatus[list[str]]) -> None:
        """Serve until cancelled; started once the address is bound."""
        config = HypercornConfig()
        config.bind = [f"{self._settings.host}:{self._settings.port}"]
        config.accesslog = config.errorlog = None
        config.graceful_timeout = 0.1
        await hypercorn.trio.serve(self._app(), config, task_status=task_status)  # type: ignore[arg-type]

    async def _livez(self, request: Request) -> Response:
        del request
        alive = self._lifecycle.alive()
        return PlainTextResponse("alive\n" if alive else "stalled\n", 200 if alive else 503)

    async def _readyz(self, request: Request) -> Response:
        del request
        reasons = self._lifecycle.not_ready_because()
        return PlainTextResponse("\n".join(reasons or ["ready"]) + "\n", 503 if reasons else 200)

    async def _metrics(self, request: Request) -> Response:
        del request
        return Response(generate_latest(self._registry), media_type=CONTENT_TYPE_LATEST)

    async def _charges(self, request: Request) -> Response:
        """Charges in memory by merchant, terminal, stan, rrn: how a till learns a charge's id."""
        wanted = {
            key: request.query_params[key]
            for key in ("merchant", "terminal", "stan", "rrn")
            if key in request.query_params
        }
        if not wanted:
            return JSONResponse({"error": "give merchant, terminal, stan or rrn"}, 400)
        found: list[dict[str, Any]] = []
        for charge in self._switch.life.book.newest():
            if all(getattr(charge, key) == value for key, value in wanted.items()):
                found.append(_shown(charge))
                if len(found) == _FOUND_MAX:
                    break
        return JSONResponse(found)

    async def _service(self, request: Request) -> Response:
        report = await _body(request, ServiceReport)
        charge_id = request.path_params["id"]
        self._switch.recall(charge_id)
        self._pipeline.kick()
        await self._pipeline.settled()
        code = self._switch.service_reported(
            charge_id, served=report.served, reason=report.reason, now=self._clock.now()
        )
        self._pipeline.kick()
        await self._pipeline.settled()
        if code is None:
            return JSONResponse({"id": charge_id, "code": "25"}, 404)
        return JSONResponse({"id": charge_id, "code": code}, 200 if code == "00" else 409)

    async def _cases(self, request: Request) -> Response:
        del request
        book = self._switch.life.book
        return JSONResponse([case_of(c) for c in book.newest() if c.state is State.CASE])

    async def _close(self, request: Request) -> Response:
        decision = await _body(request, CaseDecision)
        if decision.how not in CLOSINGS:
            return JSONResponse({"error": f"how: one of {', '.join(CLOSINGS)}"}, 400)
        charge_id = request.path_params["id"]
        event = CLOSINGS[decision.how]
        state = self._switch.close_case(charge_id, event, self._clock.now())
        self._pipeline.kick()
        await self._pipeline.settled()
        if state is None:
            return JSONResponse({"id": charge_id, "error": "no such open case"}, 404)
        return JSONResponse({"id": charge_id, "state": state})

    def _guarded(
        self, page: Callable[[Request], Awaitable[Response]]
    ) -> Callable[[Request], Awaitable[Response]]:
        async def guarded(request: Request) -> Response:
            given = request.headers.get("authorization", "").removeprefix("Bearer ")
            if self._token and not hmac.compare_digest(given.encode(), self._token.encode()):
                return JSONResponse({"error": "authorization: Bearer token needed"}, 401)
            try:
                return await page(request)
            except BadRequestError as error:
                return JSONResponse({"error": str(error)}, 400)

        return guarded


def _token(settings: Admin) -> str:
    if not settings.token_file:
        return ""
    return Path(settings.token_file).read_text("utf-8").strip()


async def _body(request: Request, kind: type[Body]) -> Body:
    data = bytearray()
    async with aclosing(request.stream()) as chunks:
        async for chunk in chunks:
            data += chunk
            if len(data) > _BODY_BYTES_MAX:
                message = f"body longer than {_BODY_BYTES_MAX} bytes"
                raise BadRequestError(message)
    try:
        return msgspec.json.decode(bytes(data), type=kind)
    except msgspec.MsgspecError as error:
        raise BadRequestError(str(error)) from None


def _shown(charge: Charge) -> dict[str, Any]:
    return {
        "id": charge.id,
        "state": charge.state,
        "merchant": charge.merchant,
        "terminal": charge.terminal,
        "stan": charge.stan,
        "rrn": charge.rrn,
        "amount": charge.money,
        "currency": charge.currency,
    }
