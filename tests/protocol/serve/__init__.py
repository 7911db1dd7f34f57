"""Tests of the promise server. None of them needs a broker."""
