cimport cython

from codec._wire cimport Message as Message_t

cdef dict _ANSWERS, _FIRST_TRIES
cdef tuple _TERMINAL
cdef int _MAC, _SECOND_MAC

cpdef str answer_mti(str mti)
cpdef str first_mti(str mti)
cpdef bint is_request(str mti) except -1
cpdef object first_missing(Message_t message, tuple required)
cpdef str beginning_of(Message_t message)
cpdef str named_after(str beginning, str stan, str mti_class)
cpdef str named(Message_t message, str stan, str mti_class)
cpdef bint has_mac(Message_t message) except -1
cpdef str pan_of(Message_t message)

@cython.final
cdef class Wish:
    cdef readonly object kind
    cdef readonly object transaction

cdef class Convention:
    cdef readonly str name
    cdef readonly object dialect
    cdef tuple _required
    cdef readonly frozenset kept
    cdef readonly bint keeps_number
    cdef readonly bint has_header
    cdef readonly bint says_currency_alike
    cpdef object kind(self, Message_t message)
    cpdef object transaction(self, Message_t message)
    cpdef Wish wish(self, Message_t message)
    cpdef str identity(self, Message_t message)
    cpdef str identity_after(self, str beginning, Message_t message)
    cpdef str batch(self, Message_t message)
    cpdef str operator(self, Message_t message)
    cpdef bint is_answer(self, Message_t message) except -1
    cpdef object key_of(self, str mti_class, str stan, str sent_at, str terminal, str merchant)
    cpdef long long pending_number(self, Message_t message) except -2
    cpdef object pending_key(self, Message_t message)
    cpdef str code_of(self, Message_t answer)
    cpdef str amount_of(self, Message_t message)
    cpdef long amount(self, Message_t message) except -2
    cpdef str currency_of(self, Message_t message)
    cpdef object missing(self, Message_t message)
