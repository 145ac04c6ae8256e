"""Writes what Keras does with the runs of `outputs_cases.py`, for `tests/trainer/test_outputs.py`.

Run from the project's root: KERAS_BACKEND=jax python -m tests.golden.make_outputs

`outputs.json` holds a record for each run, its printed lines among them, and Keras's version.
"""

import contextlib
import io
import json
import os
import pathlib
from typing import Any

os.environ["KERAS_BACKEND"] = "jax"
os.environ.setdefault("JAX_PLATFORMS", "cpu")

import keras
import numpy as np

from tests.golden.make_training import plain
from tests.golden.outputs_cases import CASES, WEIGHTS, functional, outputs
from tests.golden.training_calls import final_lines


class Subclassed(keras.Model):
    """The two heads without names."""

    def __init__(self, form: str) -> None:
        super().__init__()
        self.form = form
        self.a, self.b, self.c = (keras.layers.Dense(len(bias)) for _, bias in WEIGHTS)

    def call(self, x: Any) -> Any:
        return outputs(self.form, self.a(x), self.b(x), self.c(x))


def make(form: str, named: bool = True, **options: Any) -> Any:
    """The model with the heads' weights; options go to the layer "oa"."""
    if not named:
        model = Subclassed(form)
        model(np.zeros((1, 4), "float32"))
        model.set_weights([weight for pair in WEIGHTS for weight in pair])
        return model
    return functional(keras, form, **options)


def recorded(name: str) -> dict[str, Any]:
    """What a case returns, and the lines it prints."""
    screen = io.StringIO()
    with contextlib.redirect_stdout(screen):
        record = CASES[name](keras, make)
    return record | {"printed": final_lines(screen.getvalue())}


if __name__ == "__main__":
    rows = [f"{json.dumps(name)}: {json.dumps(recorded(name), default=plain)}" for name in CASES]
    text = ",\n".join([f'"keras": {json.dumps(keras.__version__)}', *rows])
    (pathlib.Path(__file__).parent / "outputs.json").write_text("{\n" + text + "\n}\n")
