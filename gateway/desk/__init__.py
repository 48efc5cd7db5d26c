"""What persons do: cases, disputes, complaints, settlement files, limits; who did it, and when."""
