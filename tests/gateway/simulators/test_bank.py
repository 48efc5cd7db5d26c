"""The simulated bank's money rules."""

from gateway.simulators.bank import Bank, ChargeRequest


def request(identity: str = "sale", amount: int = 500) -> ChargeRequest:
    return ChargeRequest(identity, "SHOP", "T1", amount)


def test_an_approved_charge_has_a_reference_and_an_approval_code() -> None:
    charge = Bank(first_rrn=42).decide(request(), "00")
    assert (charge.rrn, len(charge.approval_code)) == ("000000000042", 6)


def test_a_declined_charge_has_no_approval_code() -> None:
    assert Bank().decide(request(), "51").approval_code == ""


def test_a_known_charge_is_found_again() -> None:
    bank = Bank()
    charge = bank.decide(request(), "00")
    assert bank.known("sale") is charge
    assert bank.known("another") is None


def test_a_reversal_gives_the_money_back() -> None:
    bank = Bank()
    charge = bank.decide(request(), "00")
    outcome = bank.reverse("reversal", "sale")
    assert (outcome.code, outcome.gave_back, outcome.repeat) == ("00", 500, False)
    assert charge.given_back == 500


def test_a_repeated_reversal_gives_nothing_more() -> None:
    bank = Bank()
    charge = bank.decide(request(), "00")
    bank.reverse("reversal", "sale")
    outcome = bank.reverse("reversal", "sale")
    assert (outcome.code, outcome.gave_back, outcome.repeat) == ("00", 0, True)
    assert charge.given_back == 500


def test_a_second_reversal_of_one_charge_gives_the_money_back_twice() -> None:
    bank = Bank()
    charge = bank.decide(request(), "00")
    bank.reverse("reversal", "sale")
    assert bank.reverse("another reversal", "sale").gave_back == 500
    assert charge.given_back == 1_000


def test_a_declined_charge_gives_nothing_back() -> None:
    bank = Bank()
    bank.decide(request(), "51")
    assert bank.reverse("reversal", "sale")[:2] == ("12", 0)


def test_a_reversal_that_came_before_its_original_works_when_it_is_repeated() -> None:
    bank = Bank()
    assert bank.reverse("reversal", "sale")[:2] == ("25", 0)
    bank.decide(request(), "00")
    assert bank.reverse("reversal", "sale")[:2] == ("00", 500)


def test_a_confirmation_is_about_a_charge_that_still_stands() -> None:
    bank = Bank()
    assert bank.confirm("sale") == "25"
    bank.decide(request(), "00")
    assert bank.confirm("sale") == "00"
    bank.reverse("reversal", "sale")
    assert bank.confirm("sale") == "22"


def test_a_void_gives_all_of_it_back_once() -> None:
    bank = Bank()
    charge = bank.decide(request(), "00")
    assert bank.undo(request("void"), "sale", whole=True).code == "00"
    assert bank.undo(request("void again"), "sale", whole=True).code == "22"
    assert charge.given_back == 500


def test_refunds_give_back_no_more_than_was_charged() -> None:
    bank = Bank()
    charge = bank.decide(request(), "00")
    codes = [
        bank.undo(request(str(amount), amount), "sale", whole=False).code
        for amount in (300, 201, 200)
    ]
    assert codes == ["00", "61", "00"]
    assert charge.given_back == 500


def test_what_was_declined_or_never_seen_gives_nothing_back() -> None:
    bank = Bank()
    bank.decide(request(), "51")
    assert bank.undo(request("void"), "sale", whole=True).code == "12"
    assert bank.undo(request("refund"), "nothing", whole=False).code == "25"


def test_reversing_a_void_takes_the_money_again() -> None:
    bank = Bank()
    charge = bank.decide(request(), "00")
    bank.undo(request("void"), "sale", whole=True)
    assert bank.reverse("reversal", "void")[:2] == ("00", -500)
    assert charge.given_back == 0


def test_a_partial_reversal_keeps_what_stays_charged() -> None:
    bank = Bank()
    charge = bank.decide(request(), "00")
    assert bank.reverse("reversal", "sale", keeps=200).gave_back == 300
    assert charge.given_back == 300
