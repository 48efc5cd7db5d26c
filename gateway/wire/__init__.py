"""The wire: sockets on one side, whole frames on the other.

`connection`, `crowd` and `deliveries` are the logic of one connection and of all (bytes, events and
time in, frames and verdicts out); `_driver` drives it with epoll, and `engine` is its Trio side;
`filters` stand between socket and frames; `port` is what the rest of the gateway sees of all that.
"""

from gateway.wire.engine import Engine
from gateway.wire.port import Acknowledged, Closed, Frame, Lost, WireEvent, WireLimits

__all__ = ["Acknowledged", "Closed", "Engine", "Frame", "Lost", "WireEvent", "WireLimits"]
