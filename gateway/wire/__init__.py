"""The wire: sockets on one side, whole frames on the other.

`connection` is the logic (bytes and time in, frames and verdicts out); `engine` drives it with
epoll; `port` is what the rest of the gateway sees of either.
"""

from gateway.wire.engine import Engine
from gateway.wire.port import Acknowledged, Closed, Frame, Lost, WireEvent, WireLimits

__all__ = ["Acknowledged", "Closed", "Engine", "Frame", "Lost", "WireEvent", "WireLimits"]
