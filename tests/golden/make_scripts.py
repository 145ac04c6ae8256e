"""Writes what the scripts in `tests/scripts/` give under Keras, for `tests/test_scripts.py`.

Run from the project's root: KERAS_BACKEND=jax python -m tests.golden.make_scripts

`scripts.npz` has an array `script/name` for each entry of a script's `result`, and Keras's version.
Names of scripts as arguments run those only and keep the rest of the file.
"""

import os
import pathlib
import sys

os.environ["KERAS_BACKEND"] = "jax"
os.environ.setdefault("JAX_PLATFORMS", "cpu")

import keras
import numpy as np

from tests.scripts.run import SCRIPTS, results

FILE = pathlib.Path(__file__).parent / "scripts.npz"

if __name__ == "__main__":
    chosen = sys.argv[1:] or list(SCRIPTS)
    arrays = {"keras": np.array(keras.__version__)}
    if sys.argv[1:]:
        with np.load(FILE) as kept:
            arrays |= {k: v for k, v in kept.items() if k.split("/")[0] not in chosen}
    for name in chosen:
        keras.backend.clear_session()
        arrays |= {f"{name}/{key}": value for key, value in results(name, change=False).items()}
    np.savez_compressed(FILE, **arrays)
