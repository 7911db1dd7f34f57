"""Tests of the protocol as a function. None of them needs a process."""
