"""The extension list, and nothing else: everything declarative stands in pyproject.toml."""

from Cython.Build import cythonize
from setuptools import Extension, setup

setup(
    ext_modules=cythonize(
        [Extension("codec._wire", ["codec/_wire.pyx"], extra_compile_args=["-O2"])],
        language_level=3,
    )
)
