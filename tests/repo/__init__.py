"""Rules that no type checker knows."""
