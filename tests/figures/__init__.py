"""Scripts that measure the harness and write what they measured into docs/."""
