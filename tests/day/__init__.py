"""A merchant's day, message by message, over real sockets and in the simulator."""
