"""Where every script starts from: weights that are the same under both libraries."""

import numpy as np


def equal_weights(*models, seed=0):
    """Sets the weights of models to numbers that follow from their shapes and order alone.

    Vectors are small and positive, so that they serve as biases, scales and variances; the others
    vary around 0 with the variance 1 / (product of all axes but the last).
    """
    random = np.random.default_rng(seed)
    for model in models:
        model.set_weights([_drawn(random, np.shape(weight)) for weight in model.get_weights()])


def _drawn(random, shape):
    if len(shape) < 2:
        return random.uniform(0.05, 0.15, shape).astype("float32")
    bound = (3 / np.prod(shape[:-1])) ** 0.5
    return random.uniform(-bound, bound, shape).astype("float32")
