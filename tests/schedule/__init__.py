"""The schedule is data: both ways, whole, and refused where it cannot be run."""
