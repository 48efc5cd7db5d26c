cimport cython

from codec._wire cimport Message as Message_t

cdef dict _ANSWERS

cpdef str answer_mti(str mti)
cpdef object first_missing(Message_t message, tuple required)
cpdef str pan_of(Message_t message)
