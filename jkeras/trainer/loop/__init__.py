"""Epochs, evaluations and predictions."""
