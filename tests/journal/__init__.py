"""What was written is read back, also after a kill."""
