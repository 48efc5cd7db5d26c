# cython: language_level=3
"""pyiso8583 specifications, read once per field and never trusted afterwards.

A specification is a dict of dicts that its owner may change at any time.  So a `FieldPlan` keeps
what it was read from, key by key and value by value, and is used only while the field's dict still
holds exactly these objects; they are `str` and `int`, which cannot change themselves.  To look at
all of them at every use takes long, so dicts are asked for a stamp that changes with them.
"""

import sys

from cpython.dict cimport PyDict_GetItemWithError, PyDict_Next, PyDict_Size
from cpython.exc cimport PyErr_Clear

cdef extern from *:
    """
    #include <stdint.h>
    /* Dict watchers came with Python 3.12.  They need the interpreter's lock: without it, as in the
       free-threaded build, a change could go unseen between two looks at the counter. */
    #if PY_VERSION_HEX >= 0x030C0000 && !defined(Py_GIL_DISABLED)
    static uint64_t *counted;
    static int count_change(PyDict_WatchEvent event, PyObject *dict, PyObject *key, PyObject *value) {
        (void)event, (void)dict, (void)key, (void)value;
        ++*counted;
        return 0;
    }
    static int start_watching(uint64_t *counter) {
        counted = counter;
        return PyDict_AddWatcher(count_change);
    }
    static int watch_dict(int watcher, PyObject *dict) { return PyDict_Watch(watcher, dict); }
    #else
    static int start_watching(uint64_t *counter) { (void)counter; return 0; }
    static int watch_dict(int watcher, PyObject *dict) {
        (void)watcher, (void)dict;
        return PY_VERSION_HEX < 0x030C0000 ? 0 : -1;
    }
    #endif
    """
    int start_watching(uint64_t* counter) noexcept
    int watch_dict(int watcher, object dict) noexcept

cdef enum:
    SPECS_KEPT_MAX = 16

changes = 1
cdef int watcher = start_watching(&changes)
if watcher < 0:
    PyErr_Clear()               # all watchers are taken: every use looks at the dict itself

KEYS = tuple([sys.intern(key) for key in ("p", *map(str, range(1, 193)), "h", "t")])

cdef dict kept = {}             # id of a specification to its plan, which keeps it alive
cdef SpecPlan latest = SpecPlan({})


cdef class FieldPlan:
    """What the codec needs to know of one field."""


cdef class SpecPlan:
    """The fields of one specification that were used so far."""

    def __cinit__(self, spec):
        self.spec = spec
        self.plans = [None] * SLOTS

    cdef FieldPlan looked_up(self, int slot):
        """The field's plan after a look at the specification as it is now."""
        cdef PyObject* found
        cdef object source, plan
        cdef str key = key_of(slot)
        if type(self.spec) is not dict:
            return read_field(self.spec[key])
        if self.stamp == 0 or self.stamp != stamp_now(self.spec, changes):
            self.stamp = stamp_of(self.spec)
            if stamp_now(self.spec, 0):
                # Stamps of its own: the fields' dicts still bear theirs, but may be out of use.
                self.plans[:] = [None] * SLOTS
        found = PyDict_GetItemWithError(self.spec, key)
        if found == NULL:
            raise KeyError(key)
        source = <object>found
        plan = self.plans[slot]
        if plan is None or not is_current(plan, source):
            plan = read_field(source)
            self.plans[slot] = None if (<FieldPlan>plan).source is None else plan
        return plan


cdef SpecPlan plan_of(object spec):
    """The plan of a specification, kept for the next call."""
    global latest
    if latest.spec is spec:
        return latest
    latest = kept.get(id(spec))
    if latest is None:
        if len(kept) >= SPECS_KEPT_MAX:
            del kept[next(iter(kept))]
        latest = kept[id(spec)] = SpecPlan(spec)
    return latest


cdef uint64_t stamp_of(object source) noexcept:
    """A dict's stamp, to be kept; 0 where it can change unseen."""
    if watcher < 0:
        return 0
    if watch_dict(watcher, source) < 0:
        PyErr_Clear()
        return 0
    return stamp_now(source, changes)


cdef bint is_current(FieldPlan plan, object source):
    """Whether `source` holds what `plan` was read from."""
    cdef PyObject* key
    cdef PyObject* value
    cdef Py_ssize_t position = 0, i = 0
    if plan.source is not source or PyDict_Size(source) != plan.entries:
        return False
    while PyDict_Next(source, &position, &key, &value):
        if key != plan.keys[i] or value != plan.values[i]:
            return False
        i += 1
    plan.stamp = stamp_of(source)
    return True


cdef FieldPlan read_field(object source):
    cdef FieldPlan plan = FieldPlan()
    plan.data_enc = source.get("data_enc")
    plan.len_type = source.get("len_type", 0)
    plan.max_len = source.get("max_len", 0)
    plan.len_enc = source.get("len_enc", "")
    plan.len_count = source.get("len_count", "bytes")
    plan.nibbles = plan.len_count == "nibbles"
    plan.left_pad = source.get("left_pad", "")[:1]
    plan.right_pad = source.get("right_pad", "")[:1]
    plan.data_kind = {"b": DATA_HEX, "ascii": DATA_ASCII}.get(plan.data_enc, DATA_OTHER)
    plan.length_kind = {"b": LENGTH_BINARY, "bcd": LENGTH_BCD, "ascii": LENGTH_ASCII}.get(
        plan.len_enc, LENGTH_OTHER)
    for key in ("len_type", "max_len", "len_enc", "data_enc"):
        if key not in source and (key != "len_enc" or plan.len_type):
            plan.missing = key
            break
    plan.usual = plan.data_kind == DATA_ASCII and plan.missing is None and not plan.nibbles
    remember(plan, source)
    return plan


cdef remember(FieldPlan plan, object source):
    """Note what `source` holds, if all of it is of a kind that cannot change itself."""
    cdef Py_ssize_t i
    if type(source) is not dict or len(source) > ENTRIES_MAX:
        return
    plan.held = tuple(source.items())
    for i, (key, value) in enumerate(plan.held):
        if type(key) is not str or type(value) not in (str, int):
            return
        plan.keys[i] = <PyObject*>key
        plan.values[i] = <PyObject*>value
    plan.entries = len(source)
    plan.stamp = stamp_of(source)
    plan.source = source
