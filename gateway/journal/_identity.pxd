# cython: language_level=3
"""What `newest` and `identities` call."""


cpdef str cut(str identity, int bars, Py_ssize_t less)
cpdef str terminal(str identity, str till)
