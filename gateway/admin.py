"""The HTTP side: health, metrics, and what tills and operators report.

Reading is free to whoever reaches the address (keep it private); changing something needs a token
of `admin.token_file` where one is configured, and is done by `desk` in its owner's name.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import hypercorn.trio
import msgspec
import trio
from hypercorn.config import Config as HypercornConfig
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from starlette.applications import Starlette
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from codec import mask
from gateway.account_pages import AccountPages
from gateway.cases import case_of
from gateway.desk import counter, scorecards
from gateway.desk.people import NotAllowedError, People
from gateway.desk.requests import (
    AnyRequest,
    Asked,
    Close,
    Complain,
    Confirm,
    DeskError,
    Dispute,
    Reply,
    Withdraw,
)
from gateway.http_bodies import (
    ASKED_BYTES_MAX,
    BadRequestError,
    body_of,
    json_reply,
    refusal_reply,
)
from gateway.journal import JournalError
from gateway.journal.desk_reader import DeskReader
from gateway.journal.vault import KeyFileError
from gateway.log import Level
from gateway.ops.exposition import exposition
from gateway.registry_pages import RegistryPages
from gateway.settlement_pages import SettlementPages
from gateway.story import story
from routing.charge import State
from routing.docket import Entry

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from starlette.requests import Request

    from gateway.config import Admin
    from gateway.desk.desk import Desk
    from gateway.lifecycle import Lifecycle
    from gateway.ops.exposition import Collector
    from gateway.pipeline import Pipeline
    from routing.charge import Charge
    from routing.switch import Switch

_FOUND_MAX = 100
_SECONDS_A_DAY = 86_400.0
_WORDS = re.compile("[A-Za-z_ ]{1,60}")
"""Words only: whatever has digits in it might be a card number."""


class ServiceReport(msgspec.Struct, forbid_unknown_fields=True):
    """Body of POST /charges/{id}/service."""

    served: bool | None
    """None: not yet; why stands in `reason`, and the window goes on."""
    reason: str = ""
    who: str = ""


class CaseDecision(msgspec.Struct, forbid_unknown_fields=True):
    """Body of POST /cases/{id}/close: `how` is one of `gateway.desk.desk.HOWS`."""

    how: str
    who: str = ""


class Person(msgspec.Struct, forbid_unknown_fields=True):
    """Body of POST /cases/{id}/confirm and /withdraw, and of /charges/{id}/dispute."""

    who: str = ""
    why: str = ""


class LogLevel(msgspec.Struct, forbid_unknown_fields=True):
    """Body of PUT /log."""

    level: Level
    who: str = ""


class Complaint(msgspec.Struct, forbid_unknown_fields=True):
    """Body of POST /complaints: the charge by id, by RRN, or by card (masked), amount and time."""

    charge: int = 0
    rrn: str = ""
    card: str = ""
    amount: int = 0
    when: float = 0.0
    within_s: float = 3_600.0
    who: str = ""


class AdminSite:
    """The pages; everything that changes a charge goes through the same pipeline as messages do."""

    def __init__(
        self,
        settings: Admin,
        switch: Switch,
        pipeline: Pipeline,
        lifecycle: Lifecycle,
        collectors: Sequence[Collector],
        desk: Desk,
    ) -> None:
        self._settings = settings
        self._people = People.of(settings.token_file)
        self._desk = desk
        self._switch = switch
        self._pipeline = pipeline
        self._lifecycle = lifecycle
        self._clock = desk.clock
        self._collectors = tuple(collectors)

    def _app(self) -> Starlette:
        return Starlette(
            routes=[
                Route("/livez", self._livez),
                Route("/readyz", self._readyz),
                Route("/metrics", self._metrics),
                Route("/charges", self._charges),
                Route("/charges/{id:int}/service", self._guarded(self._service), methods=["POST"]),
                Route("/charges/{id:int}/story", self._reading(self._story)),
                Route("/charges/{id:int}/dispute", self._guarded(self._dispute), methods=["POST"]),
                Route("/complaints", self._guarded(self._complaint), methods=["POST"]),
                Route("/cases", self._cases),
                Route("/cases/{id:int}/close", self._guarded(self._close), methods=["POST"]),
                Route("/cases/{id:int}/confirm", self._guarded(self._confirm), methods=["POST"]),
                Route("/cases/{id:int}/withdraw", self._guarded(self._withdraw), methods=["POST"]),
                Route("/differences", self._reading(self._differences)),
                Route("/hosts", self._reading(self._hosts)),
                Route("/merchants", self._reading(self._merchants)),
                Route("/limits", self._limits),
                Route("/log", self._guarded(self._log_level), methods=["PUT"]),
                Route("/reload", self._guarded(self._reload), methods=["POST"]),
                Route("/desk", self._guarded(self._ask), methods=["POST"]),
                *RegistryPages(self._switch, self._desk, self._who).routes(self._guarded),
                *SettlementPages(self._desk, body_of, self._who).routes(
                    self._guarded, self._reading
                ),
                *AccountPages(self._desk, body_of, self._who).routes(self._guarded, self._reading),
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
        text = await exposition(self._switch.life.book, self._collectors)
        return Response(text, media_type=CONTENT_TYPE_LATEST)

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
        report = await body_of(request, ServiceReport)
        charge_id = request.path_params["id"]
        self._switch.recall(charge_id)
        self._pipeline.kick()
        await self._pipeline.settled()
        code = self._reported(charge_id, report, self._who(request, report.who))
        self._pipeline.kick()
        await self._pipeline.settled()
        if code is None:
            return JSONResponse({"id": charge_id, "code": "25"}, 404)
        return JSONResponse({"id": charge_id, "code": code}, 200 if code == "00" else 409)

    def _reported(self, charge_id: int, report: ServiceReport, who: str) -> str | None:
        """DE 39 of the answer to a till's report; None if there is no such charge."""
        now, said = self._clock.now(), {True: "served", False: "not served", None: "not yet"}
        charge = self._switch.life.book.get(charge_id)
        if charge is None:
            return None
        if report.served is None:
            code: str | None = "00" if charge.state is State.DELIVERED else "22"
        else:
            code = self._switch.service_reported(
                charge_id, served=report.served, reason=report.reason, now=now
            )
        why = report.reason if _WORDS.fullmatch(report.reason) else ""
        entry = {"served": said[report.served], "why": why, "answer": code or ""}
        self._switch.docket.note(Entry.REPORTED, now, charge=charge_id, who=who, said=entry)
        return code

    async def _cases(self, request: Request) -> Response:
        del request
        book, proposals = self._switch.life.book, self._switch.docket.proposals
        cases = [charge for charge in book.newest() if charge.state is State.CASE]
        return JSONResponse([case_of(c, proposal=proposals.get(c.id)) for c in cases])

    async def _close(self, request: Request) -> Response:
        decision = await body_of(request, CaseDecision)
        return await self._does(
            request, Close(charge=request.path_params["id"], how=decision.how), decision.who
        )

    async def _confirm(self, request: Request) -> Response:
        person = await body_of(request, Person)
        return await self._does(request, Confirm(charge=request.path_params["id"]), person.who)

    async def _withdraw(self, request: Request) -> Response:
        person = await body_of(request, Person)
        return await self._does(request, Withdraw(charge=request.path_params["id"]), person.who)

    async def _dispute(self, request: Request) -> Response:
        person = await body_of(request, Person)
        dispute = Dispute(charge=request.path_params["id"], why=person.why)
        return await self._does(request, dispute, person.who)

    async def _complaint(self, request: Request) -> Response:
        said = msgspec.structs.asdict(await body_of(request, Complaint))
        who = str(said.pop("who"))
        return await self._does(request, Complain(**said), who)

    async def _log_level(self, request: Request) -> Response:
        wanted = await body_of(request, LogLevel)
        was = self._lifecycle.log_from(wanted.level, self._who(request, wanted.who))
        return json_reply({"level": wanted.level, "was": was})

    async def _reload(self, request: Request) -> Response:
        person, reload = await body_of(request, Person), self._desk.reload
        who = self._who(request, person.who)
        problems = (
            ("there is no configuration file",) if reload is None else await reload.again(who)
        )
        await self._pipeline.settled()
        return json_reply({"problems": problems}, 409 if problems else 200)

    async def _ask(self, request: Request) -> Response:
        asked = await body_of(request, Asked, ASKED_BYTES_MAX)
        reply = await self._desk.do(asked.request, self._who(request, asked.who))
        return json_reply(msgspec.to_builtins(reply), reply.status)

    async def _does(self, request: Request, wanted: AnyRequest, claimed: str) -> Response:
        """What came of it: the facts, and why not where it was not done."""
        reply: Reply = await self._desk.do(wanted, self._who(request, claimed))
        said = {"said": reply.said} if reply.ok else {"error": mask.text(reply.said)}
        return json_reply(reply.facts | said, reply.status)

    # Reports

    async def _story(self, request: Request) -> Response:
        def read(charge_id: int) -> list[dict[str, Any]]:
            with DeskReader(self._desk.config) as reader:
                return story(reader, charge_id)

        told = await trio.to_thread.run_sync(read, request.path_params["id"])
        return json_reply(told, 200 if told else 404)

    async def _differences(self, request: Request) -> Response:
        del request
        found = await trio.to_thread.run_sync(counter.list_differences, self._desk.config)
        return json_reply(found)

    async def _hosts(self, request: Request) -> Response:
        since = self._since(request)
        cards = await trio.to_thread.run_sync(scorecards.hosts, self._desk.config, since)
        return json_reply(msgspec.to_builtins(cards))

    async def _merchants(self, request: Request) -> Response:
        since = self._since(request)
        cards = await trio.to_thread.run_sync(scorecards.merchants, self._desk.config, since)
        return json_reply(msgspec.to_builtins(cards))

    async def _limits(self, request: Request) -> Response:
        del request
        proposed = self._switch.limit_changes.proposed
        return json_reply(
            {
                "in_force": msgspec.to_builtins(self._switch.life.limits.settings),
                "proposed": msgspec.json.decode(proposed.how) if proposed else None,
                "proposed_by": proposed.who if proposed else "",
            }
        )

    def _since(self, request: Request) -> float:
        days = request.query_params.get("days", "7")
        if not re.fullmatch(r"\d{1,4}", days):
            message = "days: a number of days"
            raise BadRequestError(message)
        return self._clock.now().wall - int(days) * _SECONDS_A_DAY

    def _reading(
        self, page: Callable[[Request], Awaitable[Response]]
    ) -> Callable[[Request], Awaitable[Response]]:
        """A page that reads the journal, which may not be there to read."""

        async def reading(request: Request) -> Response:
            try:
                return await page(request)
            except BadRequestError as error:
                return refusal_reply(str(error), 400)
            except (JournalError, KeyFileError) as error:
                return refusal_reply(str(error), 503)

        return reading

    def _who(self, request: Request, claimed: str) -> str:
        """The caller's name.  Raises NotAllowedError."""
        token = request.headers.get("authorization", "").removeprefix("Bearer ")
        return self._people.who(token, claimed)

    def _guarded(
        self, page: Callable[[Request], Awaitable[Response]]
    ) -> Callable[[Request], Awaitable[Response]]:
        async def guarded(request: Request) -> Response:
            try:
                self._who(request, "")
                return await page(request)
            except NotAllowedError as error:
                return refusal_reply(str(error), 401)
            except (BadRequestError, DeskError) as error:
                return refusal_reply(str(error), 400)
            except (JournalError, KeyFileError) as error:
                return refusal_reply(str(error), 503)

        return guarded


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
