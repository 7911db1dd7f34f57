"""Folders of runs, and the proof table."""
