cimport cython

from routing.charge_record cimport Charge as Charge_t

cdef object _HELD_OPEN
cdef object _UNPROVEN

@cython.final
cdef class _Place:
    cdef public bint is_open
    cdef public bint is_unproven
    cdef public long long count

@cython.final
cdef class ChargeBook:
    cdef Py_ssize_t _ended_max
    cdef public bint forgets
    cdef dict _by_id
    cdef dict _open
    cdef dict _by_identity
    cdef dict _by_prefix
    cdef dict _by_conn
    cdef dict _unproven
    cdef object _ended
    cdef dict _places
    cdef _Place _sent
    cdef public Py_ssize_t enquiries
    cdef dict _enquiring
    @cython.locals(same=list, prefix=str, place=_Place)
    cpdef object add(self, Charge_t charge)
    @cython.locals(place=_Place, left=_Place)
    cpdef object moved(self, Charge_t charge, object before)
    cpdef object remove(self, Charge_t charge)
    cpdef Charge_t get(self, object charge_id)
    cpdef Charge_t same_as(self, object identity)
    @cython.locals(known=list)
    cpdef list unproven(self, object terminal)
    @cython.locals(known=list)
    cpdef list on_conn(self, object conn)
    @cython.locals(known=list)
    cpdef Py_ssize_t load_of(self, object conn) except -1
    cpdef Py_ssize_t waiting(self) except -1
    @cython.locals(known=list)
    cpdef object join_conn(self, Charge_t charge, object conn)
    @cython.locals(known=list)
    cpdef object leave_conn(self, Charge_t charge)
    @cython.locals(known=list)
    cdef object _enter(self, Charge_t charge, _Place place)
    @cython.locals(known=list)
    cdef object _forget_unproven(self, Charge_t charge)

@cython.locals(parts=int, at=Py_ssize_t, char=Py_UCS4)
cpdef str prefix_of(str identity)
