cimport cython

from gateway.intake cimport Intake as Intake_t
from gateway.pipeline cimport Pipeline as Pipeline_t
from routing.clock cimport Now as Now_t
from routing.switch cimport Switch as Switch_t

@cython.final
cdef class Turns:
    cdef object _network
    cdef Switch_t _switch
    cdef Pipeline_t _pipeline
    cdef Intake_t _intake
    cdef object _clock
    cdef object _metrics
    cdef double _hosts_at
    cdef object _decide(self, list events, Now_t now)
    cdef object _wait_s(self, Now_t now)
