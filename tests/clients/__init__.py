"""What the observer makes of bytes and answers."""
