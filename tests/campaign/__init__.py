"""Long runs of what the tests do briefly: `python -m tests.campaign NAME --rounds N`."""
