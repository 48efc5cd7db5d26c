# cython: language_level=3
"""What `newest` and `identities` call."""

cpdef Py_ssize_t bar(str identity, int number) except -2
cpdef str cut(str identity, int bars, Py_ssize_t less)
cpdef str terminal(str identity, str till)
