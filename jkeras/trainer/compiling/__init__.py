"""What `compile` was given, resolved, and the programs made of it."""
