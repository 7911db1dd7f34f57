"""What a run will do, as plain data: load, workers, faults. Knows nothing of the rest."""
