"""Arrays to arrays: activations, initializers, regularizers, constraints, layers' arithmetic."""
