"""The load, and the observer that looks for itself."""
