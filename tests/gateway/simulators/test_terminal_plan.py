"""Plans: seeded, and within what a merchant's class allows."""

from __future__ import annotations

from gateway.simulators.terminal_plan import REASONS, Misbehaviour, Plan, Service, planned

EVERYTHING = Misbehaviour(
    vanish=0.2, vanish_for_good=0.2, service_fails=0.2, never_confirms=0.2, garbage=0.2
)


def plans(*, confirms: bool) -> list[Plan]:
    return [
        planned(EVERYTHING, confirms=confirms, seed=1, sale=("SHOP", "T1", amount))
        for amount in range(500)
    ]


def test_the_same_sale_has_the_same_plan() -> None:
    assert plans(confirms=True) == plans(confirms=True)


def test_without_misbehaviour_every_sale_is_a_good_one() -> None:
    plan = planned(Misbehaviour(), confirms=True, seed=1, sale=("SHOP", "T1", 1))
    assert not any((plan.vanishes, plan.garbage, plan.asks_again))
    assert plan.service is Service.SERVES


def test_only_the_confirmation_class_disappears_or_stays_silent() -> None:
    at_approval, confirming = plans(confirms=False), plans(confirms=True)
    assert not any(plan.vanishes_for_good for plan in at_approval)
    assert not any(plan.service is Service.NEVER_CONFIRMS for plan in at_approval)
    assert any(plan.vanishes_for_good for plan in confirming)
    assert any(plan.service is Service.NEVER_CONFIRMS for plan in confirming)


def test_every_reason_occurs() -> None:
    assert {plan.reason for plan in plans(confirms=True)} == set(REASONS)
