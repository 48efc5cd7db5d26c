"""`python -m gateway`: the same as the command `isogate`."""

from gateway.cli import main

main()
