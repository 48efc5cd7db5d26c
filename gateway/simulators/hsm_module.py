"""A simulated security module of the payShield kind, with an LMK of its own: for tests and trying
out.

It answers the commands that the gateway asks for, from what is publicly known of them, and shares
no line with the client.  It is a stand-in and no security: its LMK is derived from a text.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Final

from codec import MacKey, PinBlockError, pinblock
from codec.keys import Secret, check_value, unwrap, wrap

if TYPE_CHECKING:
    from collections.abc import Callable

_PAIRS: Final = {"U": 32, "X": 32, "T": 48, "Y": 48}
_SIZES: Final = {"Z": 8, "U": 16, "X": 16, "T": 24, "Y": 24}
_TYPES: Final = ("000", "001", "002", "003", "008", "00A", "30B", "70D", "80D")
_FORMATS: Final = {"01": 0, "05": 1, "47": 3}


class Refused(Exception):  # noqa: N818 - an answer, no fault
    """The module's error code."""


class Parser:
    """The rest of a command, taken from its begin."""

    def __init__(self, body: bytes) -> None:
        self.rest = body

    def take(self, count: int) -> str:
        """So many characters."""
        if len(self.rest) < count:
            raise Refused("15")
        taken, self.rest = self.rest[:count], self.rest[count:]
        return taken.decode("latin-1")

    def raw(self, count: int) -> bytes:
        """So many bytes, of a message."""
        if len(self.rest) < count:
            raise Refused("80")
        taken, self.rest = self.rest[:count], self.rest[count:]
        return taken

    def number(self, count: int) -> int:
        """So many hexadecimal digits."""
        try:
            return int(self.take(count), 16)
        except ValueError:
            raise Refused("15") from None

    def key(self) -> tuple[str, bytes]:
        """Scheme and enciphered bytes; a key without a scheme is a single one."""
        scheme = self.rest[:1].decode("latin-1")
        if scheme in _PAIRS:
            self.take(1)
        else:
            scheme = "Z"
        try:
            return scheme, bytes.fromhex(self.take(2 * _SIZES[scheme]))
        except ValueError:
            raise Refused("15") from None

    def end(self) -> None:
        """Nothing may follow."""
        if self.rest:
            raise Refused("15")


class Module:
    """The device: from a command to its answer."""

    def __init__(self, seed: str, random: Callable[[int], bytes]) -> None:
        self._seed = seed
        self._random = random
        self._commands: dict[str, Callable[[Parser], str]] = {
            "A0": self._generate,
            "A4": self._form,
            "A6": self._import,
            "A8": self._export,
            "B2": self._echo,
            "BU": self._check,
            "CA": lambda given: self._translate(given, "002", "70D"),
            "CC": lambda given: self._translate(given, "001"),
            "M2": self._decipher,
            "M6": self._make_mac,
            "M8": self._verify_mac,
            "NC": self._diagnose,
        }
        self.disabled: set[str] = set()

    def answer(self, command: bytes) -> bytes:
        """What follows the header of an answer: code, error and the rest."""
        code = command[:2].decode("latin-1")
        told = code[:1] + chr(ord(code[1:2] or "0") + 1)
        if code not in self._commands or code in self.disabled:
            return (told + "68").encode()
        try:
            return (told + self._commands[code](Parser(command[2:]))).encode("latin-1")
        except Refused as refused:
            return (told + str(refused)).encode()

    def under_lmk(self, key_type: str, clear: bytes) -> str:
        """What the module's console prints for a key or component that a person enters."""
        scheme = {8: "", 16: "U", 24: "T"}[len(clear)]
        return scheme + wrap(self._lmk(key_type), clear).hex().upper()

    # Keys

    def _generate(self, given: Parser) -> str:
        mode, key_type, scheme = given.take(1), given.take(3), given.take(1)
        if scheme not in "ZUT":
            raise Refused("26")
        clear = self._new(_SIZES[scheme])
        told = self._told(key_type, clear)
        if mode == "1":
            transport = self._transport(given)
            told += _under(transport, clear, given.take(1))
        given.end()
        return "00" + told + _check6(clear)

    def _form(self, given: Parser) -> str:
        count, key_type, scheme = given.number(1), given.take(3), given.take(1)
        made = bytearray(_SIZES.get(scheme, 0))
        for _ in range(count):
            part = bytes(self._open(key_type, given.key()))
            if len(part) != len(made):
                raise Refused("27")
            made = bytearray(a ^ b for a, b in zip(made, part, strict=True))
        given.end()
        clear = _odd(bytes(made))
        return "00" + self._told(key_type, clear) + _check6(clear)

    def _import(self, given: Parser) -> str:
        key_type = given.take(3)
        zone = self._open("000", given.key())
        scheme, data = given.key()
        wanted = given.take(1)
        given.end()
        if scheme not in "ZXY" or _SIZES.get(wanted) != len(data):
            raise Refused("26")
        came = bytes(unwrap(zone, data))
        clear = _odd(came)
        error = "00" if clear == came else "01"
        return error + self._told(key_type, clear) + _check6(clear)

    def _export(self, given: Parser) -> str:
        key_type = given.take(3)
        transport = self._transport(given, zone_by_default=True)
        clear = self._open(key_type, given.key())
        told = _under(transport, clear, given.take(1))
        given.end()
        return "00" + told + _check6(clear)

    def _check(self, given: Parser) -> str:
        if given.take(2) != "FF" or given.take(1) not in "012":
            raise Refused("05")
        key = given.key()
        if given.take(1) != ";":
            raise Refused("15")
        clear = self._open(given.take(3), key)
        if given.take(4) != ";000":
            raise Refused("15")
        given.end()
        return "00" + check_value(clear, length=8).hex().upper()

    def _transport(self, given: Parser, *, zone_by_default: bool = False) -> Secret:
        terminal = False
        if given.rest[:1] == b";":
            given.take(1)
            terminal = given.take(1) == "1"
        elif not zone_by_default:
            raise Refused("15")
        key = given.key()
        if not terminal:
            return self._open("000", key)
        try:
            return self._open("80D", key)
        except Refused:
            return self._open("002", key)

    # MACs

    def _make_mac(self, given: Parser) -> str:
        size, key, message = self._mac(given)
        given.end()
        return "00" + key.full(message)[: size // 2].hex().upper()

    def _verify_mac(self, given: Parser) -> str:
        size, key, message = self._mac(given)
        claimed = given.take(size)
        given.end()
        return "00" if key.full(message)[: size // 2].hex().upper() == claimed else "01"

    def _mac(self, given: Parser) -> tuple[int, MacKey, bytes]:
        if given.take(2) != "00":
            raise Refused("15")
        size = {"0": 8, "1": 16}.get(given.take(1))
        algorithm, padding, key_type = given.take(1), given.take(1), given.take(3)
        if size is None or algorithm not in "13" or padding != "0":
            raise Refused("15")
        if key_type not in ("003", "008"):
            raise Refused("04")
        clear = self._open(key_type, given.key())
        message = given.raw(given.number(4))
        if not message or len(message) % 8:
            raise Refused("80")
        if algorithm == "3" and len(clear) != 16:  # noqa: PLR2004 - bytes
            raise Refused("27")
        return size, MacKey("x9.9" if algorithm == "1" else "x9.19", clear), message

    # Data

    def _decipher(self, given: Parser) -> str:
        if given.take(4) != "0011":
            raise Refused("15")  # other modes and formats than ECB in hexadecimal
        key_type = given.take(3)
        if key_type not in ("00A", "30B"):
            raise Refused("04")
        clear = self._open(key_type, given.key())
        try:
            data = bytes.fromhex(given.take(given.number(4)))
        except ValueError:
            raise Refused("15") from None
        given.end()
        if not data or len(data) % 8:
            raise Refused("80")
        told = bytes(unwrap(clear, data)).hex().upper()
        return f"00{len(told):04X}{told}"

    # PINs

    def _translate(self, given: Parser, *source_types: str) -> str:
        source = self._first(source_types, given.key())
        target = self._open("001", given.key())
        longest = int(given.take(2))
        try:
            block = bytes.fromhex(given.take(16))
        except ValueError:
            raise Refused("15") from None
        formats = given.take(2), given.take(2)
        account = given.take(12)
        given.end()
        if not set(formats) <= set(_FORMATS):
            raise Refused("23")
        # Of the card number the module knows twelve digits; the check digit is in no block.
        pan = "0" + account + "0"
        come, go = (_FORMATS[each] for each in formats)
        try:
            pin = pinblock.decode(come, bytes(unwrap(source, block)), pan)  # type: ignore[arg-type]
        except PinBlockError:
            raise Refused("20") from None
        if len(pin) > longest:
            raise Refused("24")
        filler = "".join("ABCDEF"[each % 6] for each in self._random(16))
        made = wrap(target, pinblock.encode(go, pin, pan, filler))  # type: ignore[arg-type]
        return f"00{len(pin):02}{made.hex().upper()}{formats[1]}"

    def _first(self, key_types: tuple[str, ...], key: tuple[str, bytes]) -> Secret:
        for each in key_types[:-1]:
            try:
                return self._open(each, key)
            except Refused:
                continue
        return self._open(key_types[-1], key)

    # Itself

    def _echo(self, given: Parser) -> str:
        text = given.take(given.number(4))
        given.end()
        return "00" + text

    def _diagnose(self, given: Parser) -> str:
        given.end()
        return "00" + check_value(self._lmk("000"), length=8).hex().upper() + "0000-0000"

    def _lmk(self, key_type: str) -> bytes:
        """Sixteen bytes for each type of key, so that none opens under another's."""
        if key_type not in _TYPES:
            raise Refused("04")
        return hashlib.sha256(f"{self._seed}/{key_type}".encode()).digest()[:16]

    def _open(self, key_type: str, key: tuple[str, bytes]) -> Secret:
        scheme, data = key
        if scheme not in "ZUT":
            raise Refused("26")
        clear = unwrap(self._lmk(key_type), data)
        if bytes(clear) != _odd(bytes(clear)):
            raise Refused("10")
        return clear

    def _told(self, key_type: str, clear: bytes) -> str:
        return self.under_lmk(key_type, clear)

    def _new(self, size: int) -> bytes:
        return _odd(self._random(size))


def _under(transport: Secret, clear: bytes | Secret, scheme: str) -> str:
    if scheme not in "ZXY" or _SIZES[scheme] != len(clear):
        raise Refused("26")
    return ("" if scheme == "Z" else scheme) + wrap(transport, clear).hex().upper()


def _check6(clear: bytes | Secret) -> str:
    return check_value(clear, length=3).hex().upper()


def _odd(key: bytes) -> bytes:
    return bytes(each ^ (each.bit_count() + 1) % 2 for each in key)
