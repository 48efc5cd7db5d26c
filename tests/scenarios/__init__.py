"""Rows of the case list, played over real sockets against one gateway in a process of its own."""
