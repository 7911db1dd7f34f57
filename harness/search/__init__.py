"""Looks for a schedule that breaks the worker: drawn, or every one there is."""
