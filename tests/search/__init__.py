"""The search, and the property tests' front door."""
