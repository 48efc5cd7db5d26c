"""Keys leave no trace: another process looks through the memory of one that had them.

The child reads the key into a buffer, makes of it what the test names, and wipes the buffer.  While
it holds the object the key must be found, else the test could not fail; once the object is freed
neither the key nor its DES schedule may be anywhere in the child's memory.
"""

from __future__ import annotations

import ctypes
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from codec import MacKey
from codec.keys import Secret, WorkingKeys, wipe, working_key_block

CHILD = """
import gc, sys
from codec import MacKey
from codec.keys import Secret, wipe, working_keys
given = bytearray(1024)
size = sys.stdin.buffer.raw.readinto(given)
key = memoryview(given)[:size]
held = {make}
wipe(key)
print("holding", flush=True)
sys.stdin.buffer.raw.read(1)
{release}
gc.collect()
print("released", flush=True)
sys.stdin.buffer.raw.read(1)
"""

MASTER = bytes(range(100, 116))


def memory_of(pid: int) -> Iterator[bytes]:
    """What a process may write to, a mapping at a time."""
    with Path(f"/proc/{pid}/mem").open("rb", buffering=0) as memory:
        for line in Path(f"/proc/{pid}/maps").read_text().splitlines():
            match = re.match(r"([0-9a-f]+)-([0-9a-f]+) rw", line)
            if match and "[v" not in line:
                begin, end = int(match[1], 16), int(match[2], 16)
                memory.seek(begin)
                yield memory.read(end - begin)


def traces(pid: int, marks: list[bytes]) -> int:
    """How often any of the marks is in the process's memory."""
    return sum(chunk.count(mark) for chunk in memory_of(pid) for mark in marks)


def schedule(half: bytes) -> bytes:
    """The DES schedule of a key of eight bytes, without its first round."""
    name = next(n for n in ("libcrypto.so.3", "libcrypto.so.1.1") if _loads(n))
    made = ctypes.create_string_buffer(128)
    ctypes.CDLL(name).DES_set_key_unchecked(half, made)
    return made.raw[8:]


def _loads(name: str) -> bool:
    try:
        ctypes.CDLL(name)
    except OSError:
        return False
    return True


def look(make: str, given: bytes, marks: list[bytes], release: str = "del held") -> tuple[int, int]:
    """How many traces there are while the object is held, and after it was released."""
    code = CHILD.format(make=make, release=release)
    with subprocess.Popen(
        [sys.executable, "-c", code],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
    ) as child:
        assert child.stdin is not None
        assert child.stdout is not None
        try:
            child.stdin.write(given)
            child.stdin.flush()
            assert child.stdout.readline() == b"holding\n"
            try:
                held = traces(child.pid, marks)
            except PermissionError:
                pytest.skip("another process's memory can't be read here")
            child.stdin.write(b".")
            child.stdin.flush()
            assert child.stdout.readline() == b"released\n"
            return held, traces(child.pid, marks)
        finally:
            child.kill()


@pytest.mark.slow
@pytest.mark.parametrize("release", ["del held", "held.wipe()"])
def test_a_secret_is_wiped(release: str) -> None:
    key = os.urandom(24)
    held, after = look("Secret(key)", key, [key], release)
    assert held
    assert not after


@pytest.mark.slow
@pytest.mark.parametrize("release", ["del held", "held.wipe()"])
@pytest.mark.parametrize("algorithm", ["cup-ecb", "x9.19"])
def test_the_schedules_of_a_mac_key_are_wiped(algorithm: str, release: str) -> None:
    key = os.urandom(16)
    marks = [key, key[:8], key[8:], schedule(key[:8]), schedule(key[8:])]
    held, after = look(f"MacKey('{algorithm}', key)", key, marks, release)
    assert held
    assert not after


@pytest.mark.slow
@pytest.mark.parametrize("algorithm", ["aes-cmac", "sm4-cbc"])
def test_what_libcrypto_holds_is_wiped(algorithm: str) -> None:
    key = os.urandom(16)
    _, after = look(f"MacKey('{algorithm}', key)", key, [key])
    assert not after


@pytest.mark.slow
def test_unwrapped_working_keys_are_wiped() -> None:
    keys = WorkingKeys(os.urandom(16), os.urandom(16), os.urandom(16))
    block = working_key_block(MASTER, keys)
    clear = [bytes(keys.pik), bytes(keys.mak), bytes(keys.tdk)]
    marks = clear + [schedule(key[at : at + 8]) for key in clear for at in (0, 8)]
    held, after = look(f"working_keys({MASTER!r}, bytes(key))", block, marks)
    assert held >= len(clear)
    assert not after


def test_what_was_wiped_is_of_no_use() -> None:
    key = MacKey("cup-ecb", bytes(range(16)))
    key.wipe()
    with pytest.raises(ValueError, match="the key was wiped"):
        key.compute(b"data")
    secret = Secret(b"12345678")
    secret.wipe()
    assert bytes(secret) == bytes(8)
    buffer = bytearray(b"12345678")
    wipe(buffer)
    assert buffer == bytes(8)
    wipe(bytearray())
    with pytest.raises((BufferError, TypeError, ValueError)):
        wipe(b"12345678")  # type: ignore[arg-type]
