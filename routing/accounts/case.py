"""What a case must be able to tell and to do; `cancellation` shows a whole one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from routing.accounts.asked import Outcome, Reply
from routing.accounts.machine import Event
from routing.accounts.obstacles import EVERY, View
from routing.accounts.people import May

if TYPE_CHECKING:
    from collections.abc import Iterator

    from routing.accounts.asked import Asked
    from routing.accounts.machine import Kind, Machine
    from routing.accounts.office import Office
    from routing.accounts.refusals import Obstacle
    from routing.accounts.request import AccountRequest
    from routing.clock import Now

Act = Callable[["AccountRequest", str, "Now"], None]
Rule = Callable[[View], "Iterator[Obstacle]"]


class Case:
    """One kind of request."""

    machine: ClassVar[Machine]
    may: ClassVar[May]
    """What its maker must be allowed."""
    rules: ClassVar[tuple[Rule, ...]] = EVERY
    """All that may stand against it."""
    at_approval: ClassVar[tuple[Rule, ...]] = ()
    """What is asked again when it is approved."""
    watched: ClassVar[Mapping[str, float]] = {}
    """States in which it waits for the world, and how many seconds pass between looks at it."""
    needs_token: ClassVar[bool] = True
    """Whether its maker must have enquired first."""
    tells_of_known: ClassVar[bool] = False
    """Whether an enquiry tells of the request under way, not of one that might be made."""
    wakes: ClassVar[frozenset[str]] = frozenset()
    """States that it leaves when it is asked for again, whatever stands against it."""
    asks_journal: ClassVar[bool] = True
    """Whether what stands against it has to do with money."""

    def __init__(self, office: Office) -> None:
        self.office = office
        self.acts: Mapping[str, Act] = {}

    def restore(self) -> None:
        """Take over what this case keeps besides its requests."""

    def takes(self, asked: Asked) -> Kind | None:
        """Its kind, if what is asked for is one of these though file and action don't say it."""
        del asked
        return None

    def may_of(self, request: AccountRequest) -> May:
        """What the maker of this one must be allowed."""
        del request
        return self.may

    def decided_by(self, request: AccountRequest) -> May:
        """What whoever decides this one must be allowed."""
        del request
        return May.DECIDE

    def approvals_needed(self, request: AccountRequest) -> int:
        """How many persons must approve."""
        rules = self.office.book.at(request.updated_at)
        return max(rules.approvals.get(self.office.files.of(request.merchant).risk, 1), 1)

    def bars(self, request: AccountRequest) -> str:
        """DE 39 for new business of its subject; '' if it bars nothing."""
        superseded = "superseded" in request.facts
        return "" if superseded else self.machine.places[request.state].bars

    def knows(self, request: AccountRequest) -> bool:
        """Whether whom it is about is registered."""
        return self.office.registered.knows(request.merchant, request.terminal)

    @property
    def is_on(self) -> bool:
        """Whether this gateway is set up for it."""
        return True

    def enquired(self, draft: AccountRequest, asked: Asked) -> None:
        """Take from an enquiry what its rules look at."""
        del draft, asked

    def handed_in(self, request: AccountRequest, asked: Asked, now: Now) -> None:
        """Something came for it later; told after `take_in`."""
        del request, asked, now

    def known(self, request: AccountRequest) -> Any:
        """What its rules look at besides what all rules do."""
        del request
        return None

    def comes_to(self, obstacles: list[Obstacle]) -> Event:
        """What these obstacles do to a new request."""
        del obstacles
        return Event.OBSTRUCTED

    def shown(self, request: AccountRequest) -> dict[str, Any]:
        """What every answer about it shows."""
        del request
        return {}

    def begin(self, request: AccountRequest, asked: Asked) -> tuple[str, ...]:
        """Put what this kind needs into a new request; returns fields that are wrong or missing."""
        del request, asked
        return ()

    def take_in(self, request: AccountRequest, asked: Asked) -> tuple[str, ...]:
        """Put what was said later into a request; returns fields that are wrong."""
        del request, asked
        return ()

    def against(self, request: AccountRequest, wall: float) -> Iterator[Obstacle]:
        """What stands against it that no rule can see by itself."""
        del request, wall
        yield from ()

    def waits_for(self, request: AccountRequest) -> list[Obstacle]:
        """Why what it asks for is not there yet."""
        return request.obstacles

    def opened(self, request: AccountRequest, who: str, now: Now) -> bool:
        """A new request is on the shelf; True if it went on already, whatever stands against it."""
        del request, who, now
        return False

    def approvable(self, request: AccountRequest) -> Iterator[Obstacle]:
        """What it lacks for an approval where it stands."""
        del request
        yield from ()

    def heard(self, subject: str, what: str, now: Now) -> None:
        """A terminal signed in, echoed or told its state."""

    def tell(self, request: AccountRequest, now: Now) -> dict[str, str | int | float]:
        """What an enquiry tells besides the obstacles."""
        del request, now
        return {}

    def look(self, request: AccountRequest, now: Now) -> None:
        """A watched request is looked at: has what it waits for come?"""

    def report(self, request: AccountRequest, asked: Asked, now: Now) -> Reply:
        """Somebody did a step outside."""
        del asked, now
        return Reply(outcome=Outcome.UNSUPPORTED, request=request.id, state=request.state)
