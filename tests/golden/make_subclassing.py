"""Writes `subclassing.npz`: what Keras makes of classes that its users write.

Run from the project's root: KERAS_BACKEND=jax python -m tests.golden.make_subclassing

For each case of `subclassing_cases`: `case|outputs`, `case|weights|number` and, as JSON, the logs.
"""

import json
import pathlib

import keras
import numpy as np

from tests.golden.subclassing_cases import CASES, run

TARGET = pathlib.Path(__file__).with_name("subclassing.npz")


def main() -> None:
    """Run every case and write the file."""
    arrays, logs = {}, {}
    for name, case in CASES.items():
        found = run(keras, case)
        logs[name] = found["logs"]
        arrays[f"{name}|outputs"] = found["outputs"]
        arrays |= {f"{name}|weights|{i}": w for i, w in enumerate(found["weights"])}
    np.savez_compressed(TARGET, keras=keras.__version__, logs=json.dumps(logs), **arrays)


if __name__ == "__main__":
    main()
