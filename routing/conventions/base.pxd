cimport cython

from codec._wire cimport Message as Message_t

cdef dict _ANSWERS, _FIRST_TRIES

cpdef str answer_mti(str mti)
cpdef str first_mti(str mti)
cpdef object first_missing(Message_t message, tuple required)
@cython.locals(merchant=str, terminal=str)
cpdef str named(Message_t message, str stan, str mti_class)
cpdef str pan_of(Message_t message)
