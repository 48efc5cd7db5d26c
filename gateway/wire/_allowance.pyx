# cython: language_level=3
"""How much a turn may do of one kind of work that comes in storms.  No socket, no clock here.

When the power comes back in a shopping centre, thousands connect at once, agree on TLS at once and,
an hour later, are idle at once.  Whoever is selling meanwhile waits for a turn's part of that, not
for all of it: what is beyond the allowance is put off to the next turns, in its order.

| the turn before took | then this one may do |
|---|---|
| no time | `a_turn` |
| some time | one more for each `every_s` of it, so that storms get their share of a busy gateway, too |
| long | `at_most` |
"""


cdef class Allowance:
    """Of one kind of work."""

    def __cinit__(self, long a_turn, double every_s=0.0, long at_most=0):
        self.a_turn, self.every_s, self.at_most = a_turn, every_s, max(a_turn, at_most)
        self.left = a_turn
        self.put_off = 0

    cdef void begin(self, double passed_s) noexcept:
        self.left = self.a_turn
        if self.every_s > 0 and passed_s > 0:
            self.left = <long>min(self.a_turn + passed_s / self.every_s, <double>self.at_most)

    cdef bint take(self) noexcept:
        if self.left > 0:
            self.left -= 1
            return True
        self.put_off += 1
        return False

    def turn(self, double passed_s):
        """A turn begins, so long after the one before."""
        self.begin(passed_s)

    def takes(self):
        """Whether one more may be done in this turn; one that may not is put off."""
        return self.take()
