"""Writes what Keras does in the cases of `sharing_cases.py`.

Run from the project's root: KERAS_BACKEND=jax python -m tests.golden.make_sharing

`sharing.json` holds the numbers of each case, and Keras's version.
"""

import json
import os
import pathlib

os.environ["KERAS_BACKEND"] = "jax"
os.environ.setdefault("JAX_PLATFORMS", "cpu")

import keras

from tests.golden.sharing_cases import MASKED, SHARED, SUPERS

TARGET = pathlib.Path(__file__).with_name("sharing.json")


def main() -> None:
    """Runs every case."""
    cases = SHARED | SUPERS | MASKED
    found = {name: [float(f"{n:.9g}") for n in run(keras)] for name, run in cases.items()}
    TARGET.write_text(json.dumps({"keras": keras.__version__, "cases": found}) + "\n")


if __name__ == "__main__":
    main()
