from routing.charge_record cimport Charge as Charge_t

cdef class Deadlines:
    cdef list _heap
    cdef object _count
    cpdef object watch(self, object item)
    cpdef object next_at(self)

cdef class ChargeBook:
    cdef object _ended_max
    cdef public bint forgets
    cdef dict _by_id
    cdef dict _open
    cdef dict _by_identity
    cdef object _by_prefix
    cdef object _by_conn
    cdef object _unproven
    cdef object _ended
    cdef object _in_state
    cpdef object add(self, Charge_t charge)
    cpdef object moved(self, Charge_t charge, object before)
    cpdef object remove(self, Charge_t charge)
    cpdef Charge_t get(self, object charge_id)
    cpdef Charge_t same_as(self, object identity)
    cpdef list unproven(self, object terminal)
    cpdef list on_conn(self, object conn)
    cpdef object load_of(self, object conn)
    cpdef object join_conn(self, Charge_t charge, object conn)
    cpdef object leave_conn(self, Charge_t charge)
    cdef object _enter(self, Charge_t charge)
    cdef object _forget_unproven(self, Charge_t charge)

cpdef str prefix_of(str identity)
