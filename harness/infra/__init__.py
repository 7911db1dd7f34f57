"""One module a real part: start, stop, kill, pause, probe."""
