"""Weights, models and configurations in files."""
