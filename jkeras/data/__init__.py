"""Training data: arrays, iterators, prepared datasets."""
