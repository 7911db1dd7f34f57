"""The wire as an oracle: recorded traffic, altered traffic, and traffic that the machine makes."""
