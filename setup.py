"""The extension list, and nothing else: everything declarative stands in pyproject.toml."""

from pathlib import Path

from Cython.Build import cythonize
from setuptools import Extension, setup

EXTENSIONS = [
    Extension(
        ".".join(source.with_suffix("").parts),
        [str(source)],
        extra_compile_args=["-O2", "-Werror=incompatible-pointer-types"],
        depends=["codec/_bitslice.h"],
    )
    for source in sorted(Path("codec").glob("*.pyx"))
]

setup(ext_modules=cythonize(EXTENSIONS, language_level=3))
