# cython: language_level=3
"""What the journal's rows call of `_json`."""


cpdef str array_of(tuple values, Py_ssize_t begin, bint comma)
