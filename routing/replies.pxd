from routing.lifecycle cimport Lifecycle as Lifecycle_t

cdef class Replies:
    cdef Lifecycle_t _life
    cdef public object refused
    cdef public list watchers
    cdef public object explain
