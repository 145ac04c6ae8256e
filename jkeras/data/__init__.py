"""Sources of examples: arrays, iterators, prepared datasets."""
