# cython: language_level=3, boundscheck=False, wraparound=False
"""Prepared statements, carried out row by row by SQLite itself: no call of Python's between rows.

SQLite lets us in as what it calls a loadable extension: it opens this very module, calls the
function below, and hands over its own functions in an order that never changes, so that no header
of SQLite's is needed to build and no second copy of it gets in.
"""

cimport cython
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from cpython.exc cimport PyErr_Occurred
from cpython.unicode cimport PyUnicode_Check, PyUnicode_DecodeUTF8
from libc.stdint cimport int64_t, uint32_t
from libc.stdlib cimport free, malloc

import apsw

from gateway._gaps cimport pause

cdef extern from *:
    """
    static _Thread_local void *loaded_db;
    static _Thread_local void **loaded_routines;

    __attribute__((visibility("default")))
    int isogate_statements_init(void *db, char **why, void **routines) {
        (void)why;
        loaded_db = db;
        loaded_routines = routines;
        return 0;
    }
    """
    void* loaded_db
    void** loaded_routines

cdef extern from "Python.h":
    const char* PyUnicode_AsUTF8AndSize(object text, Py_ssize_t* size) except NULL

cdef enum:                      # where a function stands among those that SQLite hands over
    AT_BIND_BLOB = 2
    AT_BIND_DOUBLE = 3
    AT_BIND_INT64 = 5
    AT_BIND_NULL = 6
    AT_PARAMETER_COUNT = 7
    AT_BIND_TEXT = 10
    AT_ERRMSG = 53
    AT_FINALIZE = 57
    AT_RESET = 77
    AT_STEP = 94
    AT_TOTAL_CHANGES = 97
    AT_PREPARE_V3 = 217

cdef enum:
    OK = 0
    ROW = 100
    DONE = 101
    TOO_BIG = 18
    PREPARE_PERSISTENT = 1
    STATEMENTS_MAX = 16
    ROWS_A_LOOK = 8             # at the clock, whether the thread should pause

ctypedef void (*Release)(void*) noexcept nogil
ctypedef int (*BindBytes)(void*, int, const char*, int, Release) noexcept nogil
ctypedef int (*BindDouble)(void*, int, double) noexcept nogil
ctypedef int (*BindInt64)(void*, int, int64_t) noexcept nogil
ctypedef int (*OfNumber)(void*, int) noexcept nogil
ctypedef int (*Of)(void*) noexcept nogil
ctypedef const char* (*Said)(void*) noexcept nogil
ctypedef int (*Prepare)(
    void*, const char*, int, unsigned int, void**, const char**) noexcept nogil

cdef Release STATIC = NULL      # what is bound stays where it is until the statement is reset

cdef int put(Value* to, object value) except -1:
    """The value where it lies; `value` must stay as long as `to` is used."""
    cdef Py_ssize_t size = 0
    if PyUnicode_Check(value):
        to.kind, to.data = TEXT, PyUnicode_AsUTF8AndSize(value, &size)
    elif isinstance(value, int):
        to.kind, to.whole = WHOLE, value
    elif isinstance(value, float):
        to.kind, to.real = REAL, value
    elif isinstance(value, bytes):
        to.kind, to.data, size = BLOB, PyBytes_AS_STRING(value), PyBytes_GET_SIZE(value)
    elif value is None:
        to.kind = NOTHING
    else:
        raise TypeError(f"SQLite holds no {type(value).__name__}")
    if size > 0x7FFFFFFF:
        raise OverflowError("SQLite holds no value of this length")
    to.size = <int>size
    return 0


cdef object taken(const Value* value):
    """The same as an object."""
    if value.kind == TEXT:
        return PyUnicode_DecodeUTF8(value.data, value.size, NULL)
    if value.kind == WHOLE:
        return value.whole
    if value.kind == REAL:
        return value.real
    if value.kind == BLOB:
        return PyBytes_FromStringAndSize(value.data, value.size)
    return None


cdef class Rows:
    """Rows for one statement, each made when it is its turn, by `source`; whoever makes one of these
    says how, and sees to it that what it is made of stays.
    """

    def __len__(self):
        return self.source.count

    def __getitem__(self, Py_ssize_t at):
        """A row as others take it."""
        cdef Value[WIDTH_MAX] room
        cdef const Value* row
        cdef int each
        if not 0 <= at < self.source.count:
            raise IndexError
        row = self.source.find(self.source.where, at, room)
        if row == NULL:
            raise OverflowError("SQLite holds no value of this length")
        return tuple([taken(row + each) for each in range(self.width)])


cdef struct Table:
    Value* values
    int width


cdef const Value* in_table(void* where, Py_ssize_t at, Value* room) noexcept nogil:
    cdef Table* table = <Table*>where
    return table.values + at * table.width


@cython.final
cdef class Listed(Rows):
    """Rows that lie in a list, which must stay as it is."""

    cdef Table table
    cdef list rows

    def __cinit__(self, list rows, int width):
        cdef Value* to
        cdef tuple row
        for row in rows:
            if len(row) != width:
                raise apsw.BindingsError(f"a statement takes {width} values, not {len(row)}")
        self.rows, self.width, self.table.width = rows, width, width
        to = self.table.values = <Value*>malloc(len(rows) * width * sizeof(Value) + 1)
        if to == NULL:
            raise MemoryError
        for row in rows:
            for value in row:
                put(to, value)
                to += 1
        self.source = Source(in_table, &self.table, len(rows))

    def __dealloc__(self):
        free(self.table.values)


cdef int reraised() except? 0:
    """What a file layer in Python raised, which tells more than the code that SQLite made of it."""
    return PyErr_Occurred() == NULL


cdef class Statements:
    """Statements on one connection, by their place in `texts`; `close` before the connection."""

    cdef object _db             # outlives the statements
    cdef void* _sqlite
    cdef void** _routines
    cdef (void*)[STATEMENTS_MAX] _statements
    cdef int[STATEMENTS_MAX] _widths
    cdef int _count

    def __init__(self, object db, tuple texts):
        """Raises apsw.Error, or AttributeError where apsw was built without loading."""
        if self._count or len(texts) > STATEMENTS_MAX:
            raise ValueError(f"no more than {STATEMENTS_MAX} statements, prepared once")
        self._db = db
        db.config(apsw.SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, 1)
        try:
            db.load_extension(__file__, "isogate_statements_init")
        finally:
            db.config(apsw.SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, 0)
        self._sqlite, self._routines = loaded_db, loaded_routines
        for text in texts:
            self._prepare(text.encode())

    cdef int _prepare(self, bytes text) except -1:
        cdef void** statement = &self._statements[self._count]
        cdef int code = (<Prepare>self._routines[AT_PREPARE_V3])(
            self._sqlite, text, <int>len(text), PREPARE_PERSISTENT, statement, NULL)
        if code != OK:
            raise self._error(code)
        self._widths[self._count] = (<Of>self._routines[AT_PARAMETER_COUNT])(statement[0])
        self._count += 1
        if self._widths[self._count - 1] > WIDTH_MAX:
            raise ValueError(f"no statement takes more than {WIDTH_MAX} values")
        return 0

    def close(self):
        """Nothing can be carried out any more."""
        cdef int at
        for at in range(self._count):
            (<Of>self._routines[AT_FINALIZE])(self._statements[at])
        self._count = 0

    def __dealloc__(self):
        self.close()

    def carry_out(self, int first, object batches):
        """Statement `first` for each row of the first of `batches`, the next for those of the next,
        and so on, all without the interpreter's lock.  Ends at the first that takes values and
        changes fewer rows of tables than it is given: its place, or -1.  Raises what apsw would.
        """
        cdef Source[STATEMENTS_MAX] sources
        cdef Rows rows
        cdef int at = first, last = first + <int>len(batches), code
        if first < 0 or last > self._count:
            raise ValueError("there is no such statement")
        held = [
            each if isinstance(each, Rows) else Listed(each, self._widths[first + place])
            for place, each in enumerate(batches)
        ]
        for rows in held:
            if rows.width != self._widths[at]:
                raise apsw.BindingsError(f"statement {at} takes {self._widths[at]} values")
            sources[at] = rows.source
            at += 1
        with nogil:
            at = self._all(first, last, sources, &code)
        reraised()
        if code != DONE:
            raise self._error(code)
        return -1 if at == last else at

    cdef int _all(self, int at, int last, const Source* sources, int* code) noexcept nogil:
        """Where it ended, and in `code` what the last step said."""
        cdef Of total_changes = <Of>self._routines[AT_TOTAL_CHANGES]
        cdef uint32_t before, changed       # SQLite counts round, and so does the difference
        code[0] = DONE
        while at < last:
            before = <uint32_t>total_changes(self._sqlite)
            code[0] = self._each(at, &sources[at])
            if code[0] != DONE:
                break
            changed = <uint32_t>total_changes(self._sqlite) - before
            if self._widths[at] and changed < sources[at].count:
                break
            at += 1
        return at

    cdef int _each(self, int at, const Source* source) noexcept nogil:
        """One statement for so many rows; what its last step said."""
        cdef void* statement = self._statements[at]
        cdef Of step = <Of>self._routines[AT_STEP], reset = <Of>self._routines[AT_RESET]
        cdef Value[WIDTH_MAX] room
        cdef const Value* values
        cdef Py_ssize_t each
        cdef int code = DONE
        for each in range(source.count):
            values = source.find(source.where, each, room)
            code = TOO_BIG if values == NULL else self._bind(statement, values, self._widths[at])
            if code == OK:
                code = step(statement)
                while code == ROW:
                    code = step(statement)
            reset(statement)
            if code != DONE:
                break
            if each % ROWS_A_LOOK == ROWS_A_LOOK - 1:
                pause()
        return code

    cdef inline int _bind(self, void* statement, const Value* values, int width) noexcept nogil:
        cdef int at, code = OK
        cdef const Value* value
        for at in range(1, width + 1):
            value = values + at - 1
            if value.kind == TEXT:
                code = (<BindBytes>self._routines[AT_BIND_TEXT])(
                    statement, at, value.data, value.size, STATIC)
            elif value.kind == WHOLE:
                code = (<BindInt64>self._routines[AT_BIND_INT64])(statement, at, value.whole)
            elif value.kind == REAL:
                code = (<BindDouble>self._routines[AT_BIND_DOUBLE])(statement, at, value.real)
            elif value.kind == BLOB:
                code = (<BindBytes>self._routines[AT_BIND_BLOB])(
                    statement, at, value.data, value.size, STATIC)
            else:
                code = (<OfNumber>self._routines[AT_BIND_NULL])(statement, at)
            if code != OK:
                return code
        return OK

    cdef object _error(self, int code):
        """What apsw would raise."""
        said = (<Said>self._routines[AT_ERRMSG])(self._sqlite)
        error = type(apsw.exception_for(code))((<bytes>said).decode("utf-8", "replace"))
        error.result, error.extendedresult = code & 0xFF, code
        return error
