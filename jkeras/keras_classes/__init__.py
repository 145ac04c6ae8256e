"""Keras's object-oriented side."""
