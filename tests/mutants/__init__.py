"""Workers with one rule broken each: what a check is worth is seen in what it catches."""
