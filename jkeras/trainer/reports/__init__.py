"""What a model and a run show."""
