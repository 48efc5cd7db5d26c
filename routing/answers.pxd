cimport cython
cimport codec.kept as kept
from routing.conventions.base cimport Convention as Convention_t, answer_mti

from codec._wire cimport Message as Message_t
from routing.conventions.base cimport answer_mti
from routing.charge_record cimport Charge as Charge_t

@cython.locals(answer=Message_t, de=int)
cpdef Message_t for_terminal(Message_t request, Message_t reply, object translators, object now)
@cython.locals(echoed=tuple)
cpdef object remember(Charge_t charge, Message_t answer, Message_t request)
cpdef Message_t again(Charge_t charge, Message_t request)
