"""Tests of the embedded promise server. None of them needs a broker."""
