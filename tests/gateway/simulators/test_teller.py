"""What the simulated host answers and writes, message by message, in both dialects."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from gateway.simulators import book as books
from gateway.simulators.bank import Bank
from gateway.simulators.book import Book
from gateway.simulators.host_script import HostScript
from gateway.simulators.host_speech import SPEECHES as HOST_SPEECHES
from gateway.simulators.teller import Teller
from gateway.simulators.terminal_speech import SPEECHES, SaleFacts

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from codec import Message
    from gateway.simulators.teller import Answer

AT = datetime(2026, 11, 23, 18, 4, 5, tzinfo=UTC)
FACTS = SaleFacts("SHOP00000000001", "T0000001", "000041", "000007", 500, "6229990000000009", AT)


class Counter:
    """A host's counter over a book in a file."""

    def __init__(self, path: Path, dialect: str) -> None:
        self.path, self.dialect = path, dialect
        self.speech = SPEECHES[dialect]
        self.bank = Bank()
        self.book = Book(path)
        self.teller = self.with_script()

    def with_script(self, **script: Any) -> Teller:
        self.teller = Teller(HostScript(dialect=self.dialect, **script), self.bank, self.book)
        return self.teller

    def hear(self, message: Message, *, mac_good: bool = True) -> list[Answer]:
        return self.teller.hear(message, mac_good=mac_good)

    def code(self, message: Message) -> str:
        (answer,) = self.hear(message)
        return answer.message[39]

    def sale(self) -> Message:
        return self.speech.sale(FACTS)

    def reversal(self, stan: str = "000042") -> Message:
        return self.speech.reversal(FACTS, stan, AT)

    def void(self) -> Message:
        void = self.speech.reversal(FACTS, "000050", AT)
        void.remove(39)
        void.set_mti("0200")
        if self.dialect == "unionpay-pos":
            void.patch(11, "000050")
            void.patch(3, "200000")
            void.patch(60, "23" + FACTS.batch + "000")
        else:
            void.patch(3, "020000")
        return void

    def reversal_of_void(self, void: Message) -> Message:
        reversal = void.copy()
        reversal.set_mti("0400")
        if self.dialect != "unionpay-pos":
            reversal.patch(90, f"0200{void[11]}{void[7]}" + "0" * 22)
            reversal.patch(11, "000051")
        return reversal

    @property
    def lines(self) -> list[dict[str, Any]]:
        return books.read(self.path)


@pytest.fixture(params=["iso87-ascii", "unionpay-pos"])
def counter(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Counter]:
    counter = Counter(tmp_path / "host.jsonl", request.param)
    with counter.book:
        yield counter


def test_an_approval_echoes_the_request_and_brings_its_reference(counter: Counter) -> None:
    (answer,) = counter.hear(counter.sale())
    message = answer.message
    assert (message.mti, message[39], message[11], message[4]) == (
        "0210",
        "00",
        "000041",
        "000000000500",
    )
    assert len(message[37]) == 12
    assert len(message[38]) == 6


def test_a_pos_answer_goes_back_where_the_request_came_from(tmp_path: Path) -> None:
    counter = Counter(tmp_path / "host.jsonl", "unionpay-pos")
    with counter.book:
        sale = counter.sale()
        sale.set_header(bytes.fromhex("6000030001603100000000"))
        (answer,) = counter.hear(sale)
    assert answer.message.header == bytes.fromhex("6000010003603100000000")


def test_the_book_has_a_line_for_each_decision(counter: Counter) -> None:
    counter.hear(counter.sale())
    counter.hear(counter.reversal())
    charge, reversal = counter.lines
    assert (charge["kind"], charge["code"], charge["amount"]) == ("charge", "00", 500)
    assert (charge["merchant"], charge["terminal"]) == (FACTS.merchant, FACTS.terminal)
    assert (reversal["kind"], reversal["gave_back"], reversal["rrn"]) == (
        "reversal",
        500,
        charge["rrn"],
    )


def test_the_book_holds_no_card_number(counter: Counter) -> None:
    counter.hear(counter.sale())
    assert FACTS.pan not in counter.path.read_text()


def test_a_repeated_sale_gets_the_stored_answer(counter: Counter) -> None:
    (first,) = counter.hear(counter.sale())
    (second,) = counter.hear(counter.speech.again(counter.sale()))
    assert second.message[37] == first.message[37]
    assert [line["repeat"] for line in counter.lines] == [False, True]


def test_a_repeated_reversal_gets_the_stored_answer_and_gives_nothing(counter: Counter) -> None:
    counter.hear(counter.sale())
    assert counter.code(counter.reversal()) == "00"
    assert counter.code(counter.speech.again(counter.reversal())) == "00"
    assert [line["gave_back"] for line in counter.lines[1:]] == [500, 0]


def test_another_reversal_of_the_same_sale_gives_the_money_back_again(tmp_path: Path) -> None:
    counter = Counter(tmp_path / "host.jsonl", "iso87-ascii")
    with counter.book:
        counter.hear(counter.sale())
        counter.hear(counter.reversal("000042"))
        counter.hear(counter.reversal("000043"))
    assert [line["gave_back"] for line in counter.lines[1:]] == [500, 500]


def test_reversals_of_what_was_declined_or_never_seen(counter: Counter) -> None:
    assert counter.code(counter.reversal()) == "25"
    counter.with_script(decline=1.0)
    assert counter.code(counter.sale()) == "51"
    assert counter.code(counter.reversal()) == "12"


def test_confirmations_are_understood(counter: Counter) -> None:
    confirmation = counter.speech.confirmation(FACTS, "000042", AT, "")
    assert counter.code(confirmation) == "25"
    counter.hear(counter.sale())
    assert counter.code(confirmation) == "00"


def test_a_void_and_its_reversal_are_understood(counter: Counter) -> None:
    void = counter.void()
    assert counter.code(counter.sale()) == "00"
    assert counter.code(void) == "00"
    assert counter.code(counter.reversal_of_void(void)) == "00"
    assert [(line["kind"], line.get("gave_back", 0)) for line in counter.lines] == [
        ("charge", 0),
        ("void", 0),
        ("reversal", -500),
    ]


@pytest.mark.parametrize(
    ("script", "code"),
    [
        ({"decline_over": 499}, "61"),
        ({"decline_over": 500}, "00"),
        ({"decline_pan_prefix": ("411111", "622999")}, "62"),
        ({"decline": 1.0}, "51"),
    ],
)
def test_declines(counter: Counter, script: dict[str, Any], code: str) -> None:
    counter.with_script(**script)
    assert counter.code(counter.sale()) == code


def test_a_silent_host_charges_all_the_same(counter: Counter) -> None:
    counter.with_script(silent=1.0)
    assert counter.hear(counter.sale()) == []
    (line,) = counter.lines
    assert (line["code"], line["answered"], line["fault"]) == ("00", False, "silent")


def test_a_repeat_of_a_silent_charge_is_answered(counter: Counter) -> None:
    counter.with_script(silent=1.0)
    counter.hear(counter.sale())
    assert counter.code(counter.sale()) == "00"


def test_a_late_answer_has_its_time(counter: Counter) -> None:
    counter.with_script(late=1.0, late_s=7.0)
    (answer,) = counter.hear(counter.sale())
    assert answer.after_s == 7.0
    assert counter.lines[0]["answered"] == "late"


def test_a_duplicated_answer_is_the_same_twice(counter: Counter) -> None:
    counter.with_script(duplicate=1.0)
    first, second = counter.hear(counter.sale())
    assert first == second


def test_a_wrong_mac_needs_a_key_to_be_wrong(counter: Counter) -> None:
    counter.with_script(wrong_mac=1.0)
    (answer,) = counter.hear(counter.sale())
    assert not answer.spoil_mac
    counter.bank = Bank()
    counter.with_script(wrong_mac=1.0, mac_algorithm="aes-cmac")
    (answer,) = counter.hear(counter.sale())
    assert answer.spoil_mac


def test_a_silent_reversal_gives_the_money_back_and_its_repeat_is_answered(
    counter: Counter,
) -> None:
    counter.hear(counter.sale())
    counter.with_script(reversal_silent=1.0)
    assert counter.hear(counter.reversal()) == []
    counter.with_script()
    assert counter.code(counter.reversal()) == "00"
    assert [line["gave_back"] for line in counter.lines[1:]] == [500, 0]


def test_a_delay_holds_for_every_answer(counter: Counter) -> None:
    counter.with_script(delay_ms=250)
    (answer,) = counter.hear(counter.sale())
    assert answer.after_s == 0.25


def test_a_message_with_a_wrong_mac_decides_nothing(counter: Counter) -> None:
    (answer,) = counter.hear(counter.sale(), mac_good=False)
    assert answer.message[39] == "A0"
    assert counter.lines == []


def test_while_signed_off_nothing_is_decided(counter: Counter) -> None:
    counter.teller.signed_off = True
    assert counter.code(counter.sale()) == "91"
    assert counter.lines == []


@pytest.mark.parametrize("what", ["sign-on", "sign-off", "echo"])
def test_network_management_is_answered(counter: Counter, what: str) -> None:
    request = HOST_SPEECHES[counter.dialect].network_request(what, "000001", AT)
    (answer,) = counter.hear(request)
    assert answer.message.mti == {"0800": "0810", "0820": "0830"}[request.mti]
    assert answer.message[39] == "00"
    assert counter.hear(answer.message) == []


def test_the_same_seed_meets_the_same_faults_in_any_order(counter: Counter) -> None:
    def silent(amounts: list[int]) -> set[int]:
        counter.bank = Bank()
        counter.with_script(silent=0.5, seed=3)
        return {
            amount
            for amount in amounts
            if not counter.hear(
                counter.speech.sale(FACTS._replace(amount=amount, stan=f"{amount:06d}"))
            )
        }

    amounts = list(range(1, 41))
    found = silent(amounts)
    assert 0 < len(found) < len(amounts)
    assert silent(amounts[::-1]) == found
