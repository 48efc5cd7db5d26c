"""A bank host and terminals to try a gateway with: real sockets, seeded faults, their own books.

They share the codec with the gateway and nothing else: what they believe about the protocol is
written here a second time, so that two opinions meet on the wire.
"""
