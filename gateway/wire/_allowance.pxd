# cython: language_level=3
"""An allowance as the driver asks it: in C."""


cdef class Allowance:
    cdef readonly long left                 # what this turn may still do
    cdef readonly long put_off              # how often something was left to a later turn
    cdef long a_turn, at_most
    cdef double every_s

    cdef void begin(self, double passed_s) noexcept
    cdef bint take(self) noexcept
