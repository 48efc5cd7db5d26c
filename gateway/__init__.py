"""I/O SHELL: sockets, disk, time and metrics around the decisions of `routing`.

Start at `app`: its one function is the map of the running program.
"""
