"""Faults as state machines, stepped by hand."""
