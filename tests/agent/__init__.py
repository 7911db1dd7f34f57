"""The checkpoints are found from outside, and are fatal when told."""
