"""Writes what Keras does with the runs of `options_cases.py`, for
`tests/trainer/test_options_of_keras.py`.

Run from the project's root: KERAS_BACKEND=jax python -m tests.golden.make_options

`options.json` holds a record for each run, and Keras's version.
"""

import json
import os
import pathlib

os.environ["KERAS_BACKEND"] = "jax"
os.environ.setdefault("JAX_PLATFORMS", "cpu")

import keras

from tests.golden.make_training import plain
from tests.golden.options_cases import CASES

if __name__ == "__main__":
    rows = [
        f"{json.dumps(name)}: {json.dumps(case(keras), default=plain)}"
        for name, case in CASES.items()
    ]
    text = ",\n".join([f'"keras": {json.dumps(keras.__version__)}', *rows])
    (pathlib.Path(__file__).parent / "options.json").write_text("{\n" + text + "\n}\n")
