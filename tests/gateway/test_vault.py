"""Card numbers at rest: sealed, and lost without the key file."""

from __future__ import annotations

import stat
from typing import TYPE_CHECKING

import pytest
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from gateway.journal import _seal
from gateway.journal.vault import KeyFileError, Vault, load_key, read_key

if TYPE_CHECKING:
    from pathlib import Path

PAN = "4761739001010119"


def vault(key: bytes = b"k" * 32, epochs: int = 2) -> Vault:
    made = Vault(key)
    for epoch in range(1, epochs + 1):
        made.know_epoch(epoch, bytes([epoch]) * 16)
    return made


def test_the_key_is_made_once_for_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "db.key"
    key = load_key(path)
    assert len(key) == 32
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert load_key(path) == read_key(path) == key


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o666, 0o610])
def test_a_key_that_others_can_use_is_refused(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "db.key"
    load_key(path)
    path.chmod(mode)
    with pytest.raises(KeyFileError, match="others can read it"):
        load_key(path)


@pytest.mark.parametrize("text", ["", "00", "zz" * 32, "00" * 33, "\xe9" * 64])
def test_what_is_no_key_is_refused_and_not_shown(tmp_path: Path, text: str) -> None:
    path = tmp_path / "db.key"
    path.write_text(text, "utf-8")
    path.chmod(0o600)
    with pytest.raises(KeyFileError) as caught:
        read_key(path)
    assert not text or text not in str(caught.value)
    assert str(path) in str(caught.value)


def test_a_missing_key_is_never_made_by_reading(tmp_path: Path) -> None:
    with pytest.raises(KeyFileError, match="No such file"):
        read_key(tmp_path / "db.key")
    assert not list(tmp_path.iterdir())
    with pytest.raises(KeyFileError, match="cannot be made"):
        load_key(tmp_path / "no" / "db.key")


def test_what_is_sealed_comes_back_and_shows_nothing() -> None:
    sealed = vault().seal(1, 7, PAN)
    assert PAN.encode() not in sealed
    assert vault().unseal(1, 7, sealed) == PAN


def test_no_two_seals_are_alike() -> None:
    v = vault()
    assert len({v.seal(e, c, PAN) for e in (1, 2) for c in (1, 2)}) == 4


@pytest.mark.parametrize(("epoch", "charge"), [(2, 7), (1, 8)])
def test_a_seal_belongs_to_its_charge_and_epoch(epoch: int, charge: int) -> None:
    with pytest.raises(InvalidTag):
        vault().unseal(epoch, charge, vault().seal(1, 7, PAN))


def test_another_key_opens_nothing() -> None:
    other = vault(b"x" * 32)
    with pytest.raises(InvalidTag):
        other.unseal(1, 7, vault().seal(1, 7, PAN))


def test_no_card_number_is_kept_as_none() -> None:
    assert vault().seal(1, 7, "") == b""
    assert vault().unseal(1, 7, b"") == ""


@pytest.mark.parametrize("pan", ["4", "4761739001010119", "6200000000000000003", "é1"])
@pytest.mark.parametrize("number", [0, 1, 255, 256, 10**9, 2**63 - 1])
def test_libcrypto_seals_as_the_library_does(pan: str, number: int) -> None:
    one = vault()
    sealed = one.seal(2, number, pan)
    key = HKDF(SHA256(), 32, bytes([2]) * 16, b"isogate pan at rest").derive(b"k" * 32)
    nonce = number.to_bytes(12)
    assert sealed == AESGCM(key).encrypt(nonce, pan.encode(), str(number).encode())
    assert one.unseal(2, number, sealed) == pan
    assert one.seal(2, number, pan) == sealed


def test_where_libcrypto_cannot_be_had_it_is_sealed_all_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sealed = vault().seal(2, 7, PAN)
    monkeypatch.setattr(_seal, "AVAILABLE", False)
    assert vault().seal(2, 7, PAN) == sealed


def test_an_older_epoch_and_a_newer_one_are_sealed_each_under_its_own_key() -> None:
    one = vault()
    assert len({one.seal(epoch, 7, PAN) for epoch in (1, 2)}) == 2
    assert [one.unseal(epoch, 7, one.seal(epoch, 7, PAN)) for epoch in (1, 2)] == [PAN, PAN]


def test_a_key_of_another_length_is_none() -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        _seal.Sealer(b"k" * 16)
