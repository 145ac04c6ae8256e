"""Writes what Keras makes of `experiments/models/`, for `tests/test_models.py`.

Run from the project's root: KERAS_BACKEND=jax python -m tests.golden.make_models

`models.npz` has for each model `name/params`, the number of weights at full size, `name/loss` of a
step of training at a small size, `name/0` and so on, the weights after it; and Keras's version.
"""

import os
import pathlib

os.environ["KERAS_BACKEND"] = "jax"
os.environ.setdefault("JAX_PLATFORMS", "cpu")

import keras
import numpy as np

from tests.golden.models_cases import CASES, loaded, step

if __name__ == "__main__":
    arrays = {"keras": np.array(keras.__version__)}
    for name in CASES:
        arrays[f"{name}/params"] = np.int64(loaded(name, "keras").build().count_params())
        arrays |= {f"{name}/{key}": value for key, value in step(name, "keras").items()}
    np.savez_compressed(pathlib.Path(__file__).parent / "models.npz", **arrays)
