"""Who a caller is, by the token file."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from gateway.desk.people import NotAllowedError, People

BEN = hashlib.sha256(b"bens-token").hexdigest()
NAMED = f"Ana: anas-token\nBen: sha256:{BEN}\n"


def test_without_a_file_whoever_asks_is_believed() -> None:
    assert People().who("", "Ana") == "Ana"
    assert People.of("").who("anything", "") == ""


def test_a_shared_token_is_needed_and_names_are_believed() -> None:
    people = People("open sesame\n")
    assert people.who("open sesame", "Ana") == "Ana"
    for token in ("", "open"):
        with pytest.raises(NotAllowedError, match="token needed"):
            people.who(token, "Ana")


def test_each_persons_token_says_who_it_is() -> None:
    people = People(NAMED)
    assert people.who("anas-token", "") == people.who("anas-token", "Ana") == "Ana"
    assert people.who("bens-token", "") == "Ben"
    with pytest.raises(NotAllowedError, match="Ana's, not Ben's"):
        people.who("anas-token", "Ben")
    for token in ("", BEN, "Ana"):
        with pytest.raises(NotAllowedError):
            people.who(token, "Ana")


def test_a_name_that_a_card_number_could_hide_in_is_refused() -> None:
    for name in ("4761739001010119", "x" * 41, "a;b"):
        with pytest.raises(NotAllowedError, match="who"):
            People().who("", name)
    assert People().who("", "till 7") == "till 7"


@pytest.mark.parametrize("text", ["one\ntwo\n", "Ana: token\nplain\n"])
def test_a_file_that_can_be_read_two_ways_is_refused(text: str, tmp_path: Path) -> None:
    file = tmp_path / "tokens"
    file.write_text(text)
    with pytest.raises(ValueError, match="either one token"):
        People.of(str(file))
