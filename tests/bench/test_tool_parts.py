"""The parts of the C tools: percentiles, the open loop's schedule, MACs, where fields stand."""

from __future__ import annotations

import math
import random
import re
import shutil
import subprocess
from collections.abc import Iterable
from pathlib import Path

import pytest

from bench import native
from bench.rows import RAW, SALE
from codec import MacKey, build, dialect
from codec.mac import Algorithm

pytestmark = pytest.mark.skipif(
    shutil.which("gcc") is None and shutil.which("cc") is None, reason="no C compiler"
)
FLOOR = ("cgate.c", "iso.h")
"""Not our own, on purpose: `cgate.c` says why."""
OURS = sorted(each for each in native.SOURCES.iterdir() if each.name not in FLOOR)
KEY = "0723C80DB5F4CD3D0723C80DB5F4CD3E"
MACS: tuple[Algorithm, ...] = ("cup-ecb", "x9.19", "aes-cmac")


@pytest.fixture(scope="module")
def parts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("native") / "parts"
    source = Path(__file__).with_name("parts.c")
    native.compile_c(source, target, *native.FLAGS, "-Werror", f"-I{native.SOURCES}")
    return target


def told(parts: Path, *arguments: str, lines: Iterable[object]) -> list[str]:
    text = "".join(f"{line}\n" for line in lines)
    done = subprocess.run(
        [parts, *arguments], input=text, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def percentiles(parts: Path, samples: list[int]) -> list[float]:
    """p50, p90, p99, p99.9, the highest, how many, the mean."""
    (line,) = told(parts, "percentiles", lines=samples)
    *whole, mean = line.split()
    return [*map(int, whole), float(mean)]


def test_percentiles_of_small_numbers_are_exact(parts: Path) -> None:
    assert percentiles(parts, list(range(1, 101))) == [50, 90, 99, 100, 100, 100, 50.5]
    assert percentiles(parts, [7]) == [7, 7, 7, 7, 7, 1, 7]
    assert percentiles(parts, [0, 0, 0, 255]) == [0, 255, 255, 255, 255, 4, 63.75]
    assert percentiles(parts, []) == [0] * 7


@pytest.mark.parametrize("bits", [8, 9, 20, 33, 63])
def test_percentiles_are_never_below_the_sample_and_less_than_a_hundredth_above(
    parts: Path, bits: int
) -> None:
    rng = random.Random(bits)  # noqa: S311 - repeatable, not secret
    samples = [rng.randrange(2 ** rng.randrange(1, bits + 1)) for _ in range(5_000)]
    ordered = sorted(samples)
    figures = percentiles(parts, samples)
    for share, figure in zip((0.5, 0.9, 0.99, 0.999), figures, strict=False):
        exact = ordered[math.ceil(round(len(samples) * share, 6)) - 1]
        assert exact <= figure <= exact * (1 + 1 / 128), share
    assert figures[4] == ordered[-1]
    assert figures[5] == len(samples)
    assert figures[6] == pytest.approx(sum(samples) / len(samples), rel=1e-6, abs=0.001)


def test_the_schedule_counts_from_its_begin_so_that_no_error_adds_up(parts: Path) -> None:
    hour = 3_600 * 10**9
    lines = told(
        parts,
        "due",
        lines=[
            f"1000 0 {10**9}",  # a second late, nothing sent
            f"1000 1000 {10**9}",  # on time
            f"1000 1500 {10**9}",  # ahead
            f"3 {3 * 3_600} {hour}",  # thirds of a second, after an hour
            f"0 5 {hour}",  # a closed loop is never behind
        ],
    )
    assert lines == ["0 1000", f"{10**9} 0", f"{3 * 10**9 // 2} 0", f"{hour} 0", "0 0"]


@pytest.mark.parametrize("path", OURS, ids=lambda path: path.name)
def test_a_part_is_short_and_opens_by_saying_what_it_is(path: Path) -> None:
    text = path.read_text("ascii")
    assert text.startswith("// ")
    assert text.count("\n") <= 300
    assert max(map(len, text.splitlines())) <= 110
    functions = re.findall(r"^\w[^\n;]*\) \{\n.*?^\}", text, re.MULTILINE | re.DOTALL)
    assert all(each.count("\n") <= 40 for each in functions)


@pytest.mark.parametrize("algorithm", MACS)
def test_macs_are_the_codecs_for_every_length_and_beginning(
    parts: Path, algorithm: Algorithm
) -> None:
    """What is kept of one message's beginning must not leak into another's MAC."""
    rng = random.Random(1)  # noqa: S311 - repeatable, not secret
    begins = [rng.randbytes(64) for _ in range(3)]
    data = [rng.choice(begins) + rng.randbytes(length) for length in range(1, 200)]
    data += [rng.randbytes(length) for length in (1, 7, 8, 9, 15, 16, 17, 63, 64, 65, 128, 3_999)]
    made = told(parts, "macs", f"{algorithm}:{KEY}", lines=[each.hex() for each in data])
    key = MacKey(algorithm, bytes.fromhex(KEY))
    assert made == [key.compute(each).hex().upper() for each in data]


@pytest.mark.parametrize(
    ("named", "what"),
    [
        ("des:" + KEY, "aes-cmac"),
        ("aes-cmac", "ALGORITHM:KEY"),
        ("aes-cmac:" + KEY[1:], "32 hex digits"),
        ("cup-ecb:" + "g" * 32, "32 hex digits"),
    ],
)
def test_a_wrong_mac_setting_is_told_without_the_key(parts: Path, named: str, what: str) -> None:
    done = subprocess.run([parts, "macs", named], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert what in done.stderr
    assert KEY[1:9] not in done.stderr


def test_fields_stand_where_the_codec_puts_them(parts: Path) -> None:
    """Every field of the dialect beside DE 11, with its longest value and a shorter one; then the
    sale twice, whose plan is known the second time.
    """
    known = dialect("iso87-ascii")
    sales = [SALE, SALE]
    for number, field in known.fields.items():
        if number > 11:
            sales.insert(0, {11: "000042", number: "7" * field.length})
        elif 1 < number < 11:
            sales.insert(0, {number: "7" * field.length, 11: "000042"})
        if field.length_form != "fixed":
            shorter = {11: "000042", number: "1" * (field.length // 2)}
            sales.insert(0, dict(sorted(shorter.items())))
    lines = [build(known, "0200", each).raw.hex() for each in sales]
    expected = ["".join(f"{n}={v} " for n, v in each.items()) for each in sales]
    assert told(parts, "fields", lines=lines) == expected
    assert len(sales) > 140


def test_what_can_not_be_read_is_told_by_field(parts: Path) -> None:
    sale = RAW.decode("ascii")
    wrong = {
        sale[:10]: 1,  # within the bitmap
        sale.replace("7238", "72G8", 1): 1,
        sale[:20] + "1x" + sale[22:]: 2,  # a length
        sale[:20] + "99" + sale[22:]: None,
        sale[:-1]: 49,
        sale + "0": 1,
    }
    lines = told(parts, "fields", lines=[text.encode("ascii").hex() for text in (sale, *wrong)])
    assert not lines[0].startswith("unreadable")
    for line, field in zip(lines[1:], wrong.values(), strict=True):
        assert line.startswith("unreadable")
        assert field is None or line == f"unreadable {field}"
