"""DECISIONS: every rule of the gateway as synchronous state machines.

One event in, effects out.  Nothing here opens a socket or a file, reads a clock, draws a random
number or awaits: `now` comes in with the event, and what must happen goes out as data.  Read
`switch` for the way of one message, `charge` for the life of one charge.

Imports `codec` and the standard library; is imported by `gateway`.
"""
