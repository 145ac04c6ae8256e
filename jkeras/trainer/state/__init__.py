"""A description and its current values."""
