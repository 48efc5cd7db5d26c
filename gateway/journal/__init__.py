"""What is durable before bytes leave: the port, and the journals behind it."""

from gateway.journal.port import Journal, JournalError, Recovery

__all__ = ["Journal", "JournalError", "Recovery"]
