cimport cython

from codec._wire cimport Message as Message_t

cdef object _CHARGE, _SALE

@cython.locals(mti=str, function=str)
cdef object _kind_of(Message_t message, str version)
@cython.locals(code=str)
cdef object _financial_kind(Message_t message)
@cython.locals(code=str)
cdef object _transaction_of(Message_t message)
@cython.locals(local_time=str, begin=str)
cdef str _identity_of(Message_t message)
@cython.locals(mti=str)
cdef object _pending_key_of(object convention, Message_t message)
