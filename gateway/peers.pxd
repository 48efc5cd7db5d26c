from codec._mac cimport MacKey as MacKey_t, sign, verify
from codec._wire cimport Message as Message_t
from gateway.peer cimport AnyPeer

cdef Py_UCS4 _NETWORK_CLASS

cdef class Peer(AnyPeer):
    cdef readonly MacKey_t key
    cpdef bint authentic(self, Message_t message) except -1
    cpdef bytes signed(self, Message_t message)
    cpdef object key_ahead(self, Message_t message)

cdef class WorkingPeer(AnyPeer):
    cdef readonly object keys
    cdef readonly object settlement_macs
    cdef bint _has_none(self, Message_t message) except -1
    cpdef bint authentic(self, Message_t message) except -1
    cpdef bytes signed(self, Message_t message)
