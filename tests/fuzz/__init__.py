"""Any bytes: the codec gives a documented error or a message that re-encodes to the same."""
