"""Seeded chance: the same for the same message, spread evenly over many."""

from gateway.simulators.chance import draw, pick


def test_the_same_message_always_meets_the_same_fate() -> None:
    assert draw(7, "charge", "SHOP", "T1", 500) == draw(7, "charge", "SHOP", "T1", 500)


def test_another_seed_or_message_is_another_draw() -> None:
    drawn = {draw(7, "a", 1), draw(8, "a", 1), draw(7, "b", 1), draw(7, "a", 2)}
    assert len(drawn) == 4


def test_a_share_is_met_on_average() -> None:
    hits = sum(draw(1, "late", n) < 0.1 for n in range(10_000))
    assert 900 < hits < 1_100


def test_pick_gives_each_name_its_part_of_the_range() -> None:
    shares = {"silent": 0.25, "late": 0.25}
    assert [pick(x, shares) for x in (0.0, 0.24, 0.25, 0.49, 0.5, 0.99)] == [
        "silent",
        "silent",
        "late",
        "late",
        None,
        None,
    ]
