"""Inject and heal, one verb a fault, grouped by what they touch."""
