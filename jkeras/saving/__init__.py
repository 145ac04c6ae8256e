"""Values in files."""

from jkeras.saving.weights import load, save

__all__ = ["load", "save"]
