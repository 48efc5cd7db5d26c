# The header of `_plan.pyx`: a pyiso8583 specification read once and checked at every use.

from cpython.list cimport PyList_GET_ITEM
from cpython.object cimport PyObject
from cpython.tuple cimport PyTuple_GET_ITEM

from codec._text cimport uint64_t

# What a field's data is.
cdef enum:
    DATA_HEX = 0                # "b": bytes, told as upper-case hex
    DATA_ASCII = 1
    DATA_OTHER = 2              # any other encoding that Python has

# How a field's length is told.
cdef enum:
    LENGTH_BINARY = 0           # "b"
    LENGTH_BCD = 1
    LENGTH_ASCII = 2
    LENGTH_OTHER = 3

# A field's place in a plan: its number, or one of these.  `key_of` gives the specification's key.
cdef enum:
    PRIMARY = 0                 # "p"
    SECONDARY = 1
    HEADER = 193                # "h"
    TYPE = 194                  # "t"
    SLOTS = 195

cdef enum:
    ENTRIES_MAX = 10            # of one field's dict; a larger one is read anew at every use

cdef extern from *:
    """
    /* What a dict's stamp must be now for it not to have changed.  Until Python 3.11 a dict has a
       tag, and no two states of any dicts share one.  From 3.12 on the dicts in use are watched, and
       the number of changes to any of them is the stamp of them all. */
    static inline unsigned long long stamp_now(PyObject *dict, unsigned long long changes) {
    #if PY_VERSION_HEX < 0x030C0000
        (void)changes;
        return PyDict_CheckExact(dict) ? ((PyDictObject *)dict)->ma_version_tag : 0;
    #else
        (void)dict;
        return changes;
    #endif
    }
    """
    uint64_t stamp_now(object dict, uint64_t changes) noexcept
    dict sized_dict "__Pyx_PyDict_NewPresized"(Py_ssize_t size)     # Cython's own


cdef class FieldPlan:
    cdef object source                      # the dict this was read from, or None
    cdef uint64_t stamp                     # of `source`; 0 where it can change unseen
    cdef Py_ssize_t entries
    cdef PyObject* keys[ENTRIES_MAX]        # kept alive by `held`
    cdef PyObject* values[ENTRIES_MAX]
    cdef tuple held
    cdef str missing                        # a key that a field needs and `source` lacks
    cdef int data_kind
    cdef int length_kind
    cdef object data_enc
    cdef object len_enc
    cdef object len_count
    cdef bint nibbles
    cdef bint usual                         # ASCII text, counted in bytes
    cdef Py_ssize_t len_type
    cdef Py_ssize_t max_len
    cdef str left_pad
    cdef str right_pad


cdef uint64_t changes                       # to dicts that are watched, and one


cdef class SpecPlan:
    cdef object spec
    cdef uint64_t stamp
    cdef list plans                         # by slot, None where it was not used yet

    cdef FieldPlan looked_up(self, int slot)

    cdef inline FieldPlan field(self, int slot):
        """How to read and write a field; KeyError when the specification lacks it."""
        cdef object plan = <object>PyList_GET_ITEM(self.plans, slot)
        if (self.stamp and self.stamp == stamp_now(self.spec, changes) and plan is not None
                and (<FieldPlan>plan).stamp
                and (<FieldPlan>plan).stamp == stamp_now((<FieldPlan>plan).source, changes)):
            return <FieldPlan>plan
        return self.looked_up(slot)


cdef tuple KEYS                             # by slot
cdef SpecPlan plan_of(object spec)

cdef inline str key_of(int slot):
    return <str>PyTuple_GET_ITEM(KEYS, slot)
