cimport cython

from gateway.journal._seal cimport Sealer as Sealer_t

@cython.final
cdef class Vault:
    cdef object _key
    cdef readonly bytes card_key
    cdef readonly bytes backup_key
    cdef readonly bytes card_door_key
    cdef dict _ciphers
    cdef object _sealing
    cdef Sealer_t _sealer
    cpdef bytes seal(self, object epoch, object charge_id, str pan)
