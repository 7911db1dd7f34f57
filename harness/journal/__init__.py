"""Events as written while things were on fire, one a line."""
