"""The links to one host, and the network management that keeps them usable.

What may happen to a link stands in `link_states`, rules and table; here that is carried out: who
is asked for what, and which link carries the next message.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

from routing.effects import CloseLink, HostNews, ToHost
from routing.link import Link
from routing.link_states import OTHERS_WORD_S, TABLE, Health, LinkAction, LinkEvent, LinkState
from routing.purpose import Purpose
from routing.response_codes import APPROVED, UNSUPPORTED
from routing.settlement_day import SettlementDay, date_at

if TYPE_CHECKING:
    from codec import Message
    from routing.clock import Now
    from routing.conventions import Convention
    from routing.effects import Send
    from routing.host_settings import HostSettings
    from routing.key_exchange import KeyExchange

_STAN_DIGITS: Final = 6
_FULL_SHARE: Final = 4
"""Messages that a link gets in a round; one that starts slowly gets fewer."""
_GOLDEN_RATIO: Final = 0.618033988749895
_SPREAD: Final = 0.25
"""Share of a pause by which links differ, so that they don't all ask at once."""


class HostLinks:
    """The links to one host; `shut` holds, over all hosts, those that carry nothing now."""

    def __init__(self, settings: HostSettings, convention: Convention, shut: set[int]) -> None:
        self.settings = settings
        self._convention = convention
        self._shut = shut
        self.day = SettlementDay()
        self._links: dict[int, Link] = {}
        self._heard_last: Link | None = None
        self._ready: list[int] = []
        """A round of messages: each usable link as often as its share is."""
        self._usable = 0
        self._uneven = False
        """Whether shares change with time: somebody starts slowly, or is put aside."""
        self._shared_at = 0.0
        self._turn = 0
        self._last_stan = 0
        self._learn_codes()
        self.exchange: KeyExchange | None = None
        """Where MAC keys are exchanged with this host."""
        self._blocked = False
        self._leaves = False
        self.counts: Counter[str] = Counter()
        """Echoes missed, sign-ons refused, links put aside and closed, since the start."""

    def _learn_codes(self) -> None:
        self._codes = _codes(self.settings, self._convention)
        self._purposes = {code: purpose for purpose, code in self._codes.items()}

    def change(self, settings: HostSettings) -> None:
        """Other rules from now on; links stay as far as they have come."""
        self.settings = settings
        self._learn_codes()

    # What the gateway asks

    def __contains__(self, link: int) -> bool:
        return link in self._links

    def ids(self) -> list[int]:
        """Every link that is connected."""
        return list(self._links)

    def usable(self) -> int:
        """How many links may carry charges and reversals."""
        return self._usable

    def why_not_usable(self) -> str:
        """What keeps messages from this host, for people."""
        states = self.states()
        if self._blocked:
            return "blocked until a good MAC key comes"
        if states[LinkState.SIGNED_OFF]:
            return "it has signed off"
        refused = any(each.refusals for each in self._links.values())
        return "it refuses the sign-on" if refused else "no usable link"

    def next_link(self) -> int | None:
        """The link for the next message, in turn; None if none is usable."""
        if not self._ready:
            return None
        self._turn += 1
        return self._ready[self._turn % len(self._ready)]

    def states(self) -> Counter[str]:
        """How many links stand where."""
        return Counter(each.state for each in self._links.values())

    def health(self, now: float) -> Health:
        """UP while all its links are, DOWN while none is usable."""
        if not self._usable:
            return Health.DOWN
        each = [link.health(now, self.settings.slow_start_s) for link in self._links.values()]
        return Health.UP if set(each) == {Health.UP} else Health.DEGRADED

    # What happens to links

    def up(self, link: int, now: Now) -> list[Send]:
        """A link was connected.  It is off while another one is, and while the gateway stops."""
        others = self._links.values()
        off = self._leaves or any(each.state is LinkState.SIGNED_OFF for each in others)
        made = self._links[link] = Link(link, now.monotonic)
        if off:
            return self._happens(made, LinkEvent.MADE_WHILE_OFF, now)
        event = LinkEvent.MADE if self.settings.sign_on else LinkEvent.MADE_OPEN
        return self._happens(made, event, now)

    def down(self, link: int, now: Now) -> None:
        """A link is gone."""
        known = self._links.get(link)
        if known is not None:
            self._happens(known, LinkEvent.LOST, now)
            del self._links[link]
            self._heard_last = None
            self._shut.discard(link)

    def sign_off(self, now: Now) -> list[Send]:
        """The gateway stops: nothing new goes over any link, and no sign-on is asked for."""
        self._leaves = True
        links = list(self._links.values())
        return [send for each in links for send in self._happens(each, LinkEvent.WE_LEAVE, now)]

    @property
    def signing_off(self) -> int:
        """Links on which the host has not answered the sign-off yet."""
        return sum(Purpose.SIGN_OFF in each.asked for each in self._links.values())

    def retire(self, link: int, now: Now) -> None:
        """Another link takes over: nothing new goes over this one."""
        known = self._links.get(link)
        if known is not None:
            known.replaced = True
            self._share_out(now.monotonic)

    def heard(self, link: int, now: Now, answers: bool) -> None:
        """Any frame came from this link: it is alive.  `answers`: no network management."""
        known = self._heard_last
        if known is None or known.id is not link:
            known = self._heard_last = self._links.get(link)
        if known is not None:
            known.heard_at = now.monotonic
            known.misses = 0
            if answers:
                known.silences, known.answered_at = 0, now.monotonic

    def silent(self, link: int, sent_at: float, now: Now) -> None:
        """A charge that this link carried had no answer in its time."""
        known, most = self._links.get(link), self.settings.link_silences_max
        if known is None:
            return
        if not known.silences:
            known.silent_since = sent_at
        known.silences += 1
        others_answer = any(
            each.answered_at > known.silent_since and each.id in self._ready
            for each in self._links.values()
            if each is not known
        )
        if most and known.silences >= most and others_answer:
            known.silences = 0
            known.aside_until = known.started_at = now.monotonic + self.settings.ejection_s
            self.counts["put aside"] += 1
            self._share_out(now.monotonic)

    def network_message(self, link: int, message: Message, now: Now) -> list[Send]:
        """A network management message from the host: ours answered, or one of its own."""
        known = self._links.get(link)
        purpose = self._purposes.get(self._convention.network_code(message))
        self.day.told(message.get(15, ""))
        if known is None or purpose is None:
            return []
        if purpose is Purpose.KEY_CHANGE and not self._convention.is_answer(message):
            return self._key_came(link, message, now)
        if self._convention.is_answer(message):
            return self._answered(known, purpose, message, now)
        sends = self._told(known, purpose, now)
        return [*sends, ToHost(link, self._convention.network_answer(message, now))]

    def _answered(self, link: Link, purpose: Purpose, message: Message, now: Now) -> list[Send]:
        if link.asked.get(purpose) != message.get(11, "")[-_STAN_DIGITS:]:
            return []  # it answers an earlier question, or nothing at all
        del link.asked[purpose]
        if purpose is Purpose.KEY_CHANGE and self.exchange is not None:
            return self.exchange.answered(message, now)
        if purpose is not Purpose.SIGN_ON or self._leaves:
            return []
        accepted = self._convention.code_of(message) == APPROVED
        return self._happens(link, LinkEvent.ACCEPTED if accepted else LinkEvent.REFUSED, now)

    def _key_came(self, link: int, message: Message, now: Now) -> list[Send]:
        if self.exchange is not None:
            return self.exchange.told(link, message, now)
        answer = self._convention.network_answer(message, now)
        answer.patch(39, self._convention.code_for(message, UNSUPPORTED))
        return [ToHost(link, answer)]

    def ask_somebody(self, purpose: Purpose, now: Now) -> list[Send]:
        """Ask the host over the link that has come furthest; none if it has none."""
        links = sorted(self._links.values(), key=lambda x: x.state is not LinkState.SIGNED_ON)
        return [self._ask(links[0], purpose, now)] if links else []

    def block(self, *, on: bool) -> None:
        """From now on the host gets nothing but network management, or everything again."""
        self._blocked = on
        self._share_out(self._shared_at)

    def _told(self, link: Link, purpose: Purpose, now: Now) -> list[Send]:
        """The host says something by itself.  It speaks for all its links."""
        match purpose:
            case Purpose.CUT_OVER_BEGINS:
                self.day.cut_over_begins(now.monotonic)
            case Purpose.CUT_OVER_ENDS:
                self.day.cut_over_ends()
            case Purpose.SIGN_ON | Purpose.SIGN_OFF if not self._leaves:
                on = purpose is Purpose.SIGN_ON
                link.told_off = not on
                for each in self._links.values():
                    if on and each.told_off:
                        each.on_at = each.on_at or now.monotonic + OTHERS_WORD_S
                    else:
                        self._happens(each, LinkEvent.HOST_ON if on else LinkEvent.HOST_OFF, now)
                what = "signed on by itself" if on else "signed off"
                return [HostNews(self.settings.name, f"host {what}", alarms=False)]
            case _:
                pass
        return []

    def tick(self, now: Now) -> list[Send]:
        """Ask quiet links for an echo, sign on again where it is due, give up on dead links."""
        if self.settings.settles_at:
            self.day.told(date_at(now, self.settings.settles_at))
        if self._uneven:
            self._share_out(now.monotonic)
        sends: list[Send] = []
        for link in self._links.values():
            if link.on_at and not self._leaves and now.monotonic >= link.on_at:
                link.told_off = False
                self._happens(link, LinkEvent.HOST_ON, now)
            if link.sign_on_at and not self._leaves and now.monotonic >= link.sign_on_at:
                link.sign_on_at = 0.0
                sends.append(self._ask(link, Purpose.SIGN_ON, now))
            sends += self._watch(link, now)
        return sends

    def _watch(self, link: Link, now: Now) -> list[Send]:
        quiet_s = now.monotonic - max(link.heard_at, link.asked_at)
        if not self.settings.echo_idle_s or quiet_s < self.settings.echo_idle_s:
            return []
        self.counts["echo missed"] += link.misses > 0
        if link.misses >= self.settings.echo_misses_max:
            return self._happens(link, LinkEvent.SILENT, now)
        link.misses += 1
        return self._happens(link, LinkEvent.QUIET, now)

    # The table, carried out

    def _happens(self, link: Link, event: LinkEvent, now: Now) -> list[Send]:
        step = TABLE[link.state, event]
        if event is LinkEvent.HOST_ON or event is LinkEvent.HOST_OFF:
            link.on_at = 0.0
        if step.next is not link.state:
            link.refusals, link.sign_on_at = 0, 0.0
        link.state = step.next
        sends: list[Send] = []
        for action in step.actions:
            sends += self._carry_out(link, action, now)
        self._share_out(now.monotonic)
        return sends

    def _carry_out(self, link: Link, action: LinkAction, now: Now) -> list[Send]:
        match action:
            case LinkAction.ASK_SIGN_ON if not self.settings.sign_on or self._leaves:
                pass
            case LinkAction.ASK_SIGN_OFF if self.settings.sign_on:
                return [self._ask(link, Purpose.SIGN_OFF, now)]
            case LinkAction.ASK_SIGN_ON if not link.sign_on_at:
                return [self._ask(link, Purpose.SIGN_ON, now)]
            case LinkAction.ASK_ECHO | LinkAction.ASK_SIGN_ON:
                # Also while a refused sign-on waits for its turn: is the link still there?
                return [self._ask(link, Purpose.ECHO, now)]
            case LinkAction.START_SLOWLY:
                link.started_at = now.monotonic
            case LinkAction.BACK_OFF:
                return self._back_off(link, now)
            case LinkAction.CLOSE:
                self.counts["closed"] += 1
                return [CloseLink(link.id, "no answer to echoes")]
        return []

    def _back_off(self, link: Link, now: Now) -> list[Send]:
        settings = self.settings
        longest = settings.sign_on_retry_max_s
        pause_s = min(settings.sign_on_retry_s * 2.0 ** min(link.refusals, 30), longest)
        link.refusals += 1
        self.counts["sign-on refused"] += 1
        pause_s *= 1.0 + _SPREAD * (link.id * _GOLDEN_RATIO % 1.0)
        link.sign_on_at = now.monotonic + pause_s
        return [HostNews(settings.name, "host refuses the sign-on", alarms=True)]

    def _share_out(self, now: float) -> None:
        """A new round: every usable link by its share, spread evenly."""
        self._shared_at = now
        usable, shares = [], {}
        self._uneven = False
        for link in self._links.values():
            if link.state is LinkState.SIGNED_ON and not self._blocked:
                self._shut.discard(link.id)
            else:
                self._shut.add(link.id)
                continue
            if link.replaced:
                continue
            aside = now < link.aside_until
            share = self._share(link, now)
            self._uneven |= aside or share < _FULL_SHARE
            if not aside:
                usable.append(link.id)
                shares[link.id] = share
        self._usable = len(usable)
        self._ready = [x for part in range(_FULL_SHARE) for x in usable if part < shares[x]]

    def _share(self, link: Link, now: float) -> int:
        slow_s, up_s = self.settings.slow_start_s, now - link.started_at
        return _FULL_SHARE if up_s >= slow_s else max(1, int(_FULL_SHARE * up_s / slow_s))

    def _ask(self, link: Link, purpose: Purpose, now: Now) -> ToHost:
        link.asked_at = now.monotonic
        self._last_stan = self._last_stan % 999_999 + 1
        stan = link.asked[purpose] = f"{self._last_stan:06d}"
        message = self._convention.network_request(self._codes[purpose], stan, now)
        return ToHost(link.id, message)


def _codes(settings: HostSettings, convention: Convention) -> dict[Purpose, str]:
    """What stands for each purpose in messages from and to this host."""
    agreed = {each: getattr(settings.network_codes, each.name.lower()) for each in Purpose}
    return dict(convention.network_codes) | {each: code for each, code in agreed.items() if code}
