cimport cython
cimport codec.kept as kept

from codec._layout cimport Dialect as Dialect_t
from codec._wire cimport FieldSet as FieldSet_t, Message as Message_t
from routing.charge_record cimport Charge as Charge_t
from routing.conventions.base cimport Convention as Convention_t, answer_mti

cdef int _CHIP_DATA, _MAC, _OTHER_MAC

@cython.final
cdef class _Manner:
    cdef Convention_t convention
    cdef int original_field
    cdef bint has_header
    cdef str asked
    cdef str answered
    cdef FieldSet_t kept
    cdef FieldSet_t kept_with_chip

@cython.final
cdef class _Manners:
    cdef dict _known
    cdef Dialect_t _before
    cdef _Manner _its
    cdef _Manner of(self, Dialect_t dialect)

cdef _Manners _MANNERS

@cython.locals(manner=_Manner, original=int)
cpdef Message_t for_terminal(Message_t request, Message_t reply, object translators, object now)
@cython.locals(manner=_Manner, echoed=tuple, stored=kept.Fields)
cpdef object remember(Charge_t charge, Message_t answer, Message_t request)
cpdef Message_t again(Charge_t charge, Message_t request)
