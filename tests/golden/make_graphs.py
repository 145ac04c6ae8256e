"""Writes what Keras makes of the models in `graph_cases.py`, for `test_graph_golden.py`.

Run from the project's root: KERAS_BACKEND=jax python -m tests.golden.make_graphs

`graphs.npz`: outputs, and weights after a step of SGD. `graphs.json`: names, orders, summaries.
Both hold Keras's version.
"""

import json
import os
import pathlib

os.environ["KERAS_BACKEND"] = "jax"
os.environ.setdefault("JAX_PLATFORMS", "cpu")

import keras
import numpy as np

from tests.golden.graph_cases import CASES, names, numbers

FOLDER = pathlib.Path(__file__).parent


def write() -> None:
    """Writes both files; every model is the first that its session names."""
    arrays: dict[str, np.ndarray] = {}
    rows = [f'"keras": {json.dumps(keras.__version__)}']
    for case, (make, shapes) in CASES.items():
        keras.utils.clear_session()
        model = make(keras)
        rows.append(f"{json.dumps(case)}: {json.dumps(names(model))}")
        found = numbers(keras, model, *shapes)
        arrays |= {f"{case}/{name}": array for name, array in found.items()}
    (FOLDER / "graphs.json").write_text("{\n" + ",\n".join(rows) + "\n}\n")
    np.savez_compressed(FOLDER / "graphs.npz", keras=keras.__version__, **arrays)


if __name__ == "__main__":
    write()
