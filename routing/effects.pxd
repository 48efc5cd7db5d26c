cimport cython

from codec._wire cimport Message as Message_t
from routing.charge_record cimport Charge as Charge_t

@cython.final
@cython.no_gc
@cython.freelist(1024)
cdef class ToTerminal:
    cdef public object conn
    cdef public Message_t message
    cdef public Charge_t charge
    cdef public bint hurries
    cdef public Charge_t says_again

@cython.final
@cython.no_gc
@cython.freelist(1024)
cdef class ToHost:
    cdef public object link
    cdef public Message_t message
    cdef public Charge_t charge
    cdef public bint reverses

@cython.final
cdef class Outbox:
    cdef public list express
    cdef public list records
    cdef public list sends
    cdef public list lookups
    cdef public list key_work
    cdef public list questions
    @cython.locals(decided=Py_ssize_t)
    cpdef Py_ssize_t size(self) except -1
    cpdef list take_express(self)
    @cython.locals(work=list, questions=list)
    cpdef tuple take_beside(self)

@cython.locals(box=Outbox)
cpdef Outbox outbox()

@cython.locals(send=ToTerminal)
cpdef ToTerminal to_terminal(object conn, Message_t message, Charge_t charge=*)
@cython.locals(send=ToHost)
cpdef ToHost to_host(object link, Message_t message, Charge_t charge)
