"""The extension list, and nothing else: everything declarative stands in pyproject.toml."""

import os
from multiprocessing import get_start_method
from pathlib import Path

from Cython.Build import cythonize
from Cython.Compiler.Options import get_directive_defaults
from setuptools import Extension, setup

EVERY_MESSAGE_PASSES = """
    actions admission answers book breaker cause chain charge charge_record clock conduct courses
    deadlines docket effects host_side hosts key_table lifecycle limits line link listener matching
    network notices numbered opening outcomes pressure records registry replies routes service
    settlement_day shelf sign_ins switch tally terminal_side tombstones transaction translation
    watch watchers
    accounts/anomalies accounts/device_tests accounts/gate accounts/standing
    conventions/base conventions/iso87 conventions/iso93 conventions/iso2003
    conventions/unionpay_pos
"""
"""Modules of `routing` that are compiled as they are; a `.pxd` beside one tells C its types."""
IN_NO_CYCLE = "book cause chain charge_record deadlines line numbered shelf unapplied"
"""Those of them whose objects come and go in such numbers that Python's collector must not look at
them.  It need not: they are in no cycle, or who holds them breaks it (`__del__`)."""
WAY_IN_AND_OUT = """
    clock turns intake pipeline exits macs_ahead decision_log peer peers
    journal/identities journal/newest journal/rows journal/unapplied journal/vault
"""
"""The same of `gateway`: also what looks at each charge, and what makes the journal's rows."""


def extension(source: Path) -> Extension:
    """One compiled module."""
    return Extension(
        ".".join(source.with_suffix("").parts),
        [str(source)],
        # -g0: nobody steps through this C, and without it compiling takes half as long again.
        extra_compile_args=["-O2", "-g0", "-Werror=incompatible-pointer-types"],
        depends=["codec/_bitslice.h"] if source.suffix == ".pyx" else [],
    )


IN_C = ("codec", "gateway", "gateway/wire", "gateway/journal")
HOT = [path for folder in IN_C for path in sorted(Path(folder).glob("*.pyx"))]
PLAIN = [
    *(Path("routing") / f"{name}.py" for name in EVERY_MESSAGE_PASSES.split()),
    *(Path("gateway") / f"{name}.py" for name in WAY_IN_AND_OUT.split()),
]
CORES = os.cpu_count() or 1
CYTHONIZES = CORES if get_start_method() == "fork" else 0
"""So many at once; others than forked ones would not know what is said of defaults below."""
CACHED = "CYTHON_CACHE_DIR" in os.environ
"""C made before of the same source is taken from there: for who builds again and again."""
# Objects that come and go with each charge are used again.  A `.pxd` can't say so of a class whose
# body stands in a `.py`, so it is said of all of them; the same goes for `no_gc` below.
get_directive_defaults()["freelist"] = 16


def compiled(names: list[Path], *, no_gc: bool = False) -> list[Extension]:
    """Modules that are plain Python.  Annotations are for people and mypy: only a `.pxd` makes a
    type binding.
    """
    get_directive_defaults()["no_gc"] = no_gc
    found: list[Extension] = cythonize(
        [extension(each) for each in names],
        language_level=3,
        compiler_directives={"annotation_typing": False},
        nthreads=CYTHONIZES,
        cache=CACHED,
    )
    return found


setup(
    ext_modules=[
        *cythonize(
            [extension(each) for each in HOT],
            language_level=3,
            nthreads=CYTHONIZES,
            cache=CACHED,
        ),
        *compiled([each for each in PLAIN if each.stem in IN_NO_CYCLE.split()], no_gc=True),
        *compiled([each for each in PLAIN if each.stem not in IN_NO_CYCLE.split()]),
    ],
    options={"build_ext": {"parallel": CORES}},
)
