"""Pairing, ordering and reading back of what a run wrote."""
