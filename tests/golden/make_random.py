"""Writes `random.npz`: draws of `keras.random` with seeds, and the seed generator's after two.

Run from the project's root: KERAS_BACKEND=jax python tests/golden/make_random.py

Every entry is named by the call that gave it.
"""

import pathlib

import keras
import numpy as np

TARGET = pathlib.Path(__file__).with_name("random.npz")

CASES = [
    "normal((3,), seed=5)",
    "normal((2, 2), mean=2, stddev=3.0, dtype='float16', seed=5)",
    "normal((3,), seed=2**32 - 1)",
    "truncated_normal((4,), mean=1.0, seed=1)",
    "uniform((4,), -1, 2, seed=4)",
    "randint((5,), 0, 9, seed=3)",
    "randint((5,), minval=-3, maxval=3, dtype='int8', seed=3)",
    "gamma((4,), np.float32([1, 2, 3, 4]), seed=3)",
    "beta((3,), 2.0, [1.0, 2.0, 3.0], seed=9)",
    "binomial((4,), [5.0, 6, 7, 8], 0.4, seed=1)",
    "categorical(np.log(np.float32([[0.2, 0.8], [0.5, 0.5]])), 6, seed=2)",
    "dropout(np.ones((3, 4), np.float32), 0.4, seed=8)",
    "dropout(np.ones((3, 4), np.float32), 0.4, noise_shape=(None, 1), seed=8)",
    "dropout(np.ones(3, np.float32), 1.0, seed=8)",
    "shuffle(np.arange(6), seed=3)",
    "shuffle(np.arange(12).reshape(3, 4), axis=1, seed=3)",
    "[normal((2,), seed=g) for g in [SeedGenerator(3)] * 3][-1]",
]


def main() -> None:
    """Run the cases and write the file."""
    names = {**vars(keras.random), "np": np}
    found = {case: np.asarray(eval(case, names)) for case in CASES}
    np.savez_compressed(TARGET, keras_version=keras.__version__, **found)


if __name__ == "__main__":
    main()
