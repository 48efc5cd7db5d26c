# The header of `_mac_batch.pyx`.

from codec._mac cimport MacKey

cpdef bint goes_together(MacKey key) except -1
cpdef int ahead(list messages, list keys, bint to_sign) except -1
