"""The models of `experiments/models/` in a small size, what goes in, and a step of training."""

from __future__ import annotations

import importlib
import re
import types
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from tests.scripts.start import equal_weights

FOLDER = Path(__file__).parents[2] / "experiments" / "models"
ROWS = 6
Arrays = list[np.ndarray[Any, Any]]


class Case(NamedTuple):
    """A small instance of a model.

    Attributes:
      options: what `build` gets.
      inputs: one array for each input, or the largest integer and the shape of an example.
      targets: the largest integer (0: fractions) and the shape of an example's target.
      loss: by name, or as a class of losses that takes logits.
    """

    options: dict[str, Any]
    inputs: list[tuple[int, tuple[int, ...]]]
    targets: tuple[int, tuple[int, ...]]
    loss: str


LOGITS = "SparseCategoricalCrossentropy"
CASES = {
    "gpt": Case(
        {"tokens": 11, "context": 8, "width": 8, "depth": 2, "heads": 2, "dropout": 0.0},
        [(11, (7,))],
        (11, (7,)),
        LOGITS,
    ),
    "resnet50": Case(
        {"size": 16, "classes": 3, "filters": 4, "depths": (1, 1)},
        [(0, (16, 16, 3))],
        (3, ()),
        "sparse_categorical_crossentropy",
    ),
    "seq2seq": Case(
        {"source_words": 7, "target_words": 9, "width": 5, "units": 6},
        [(7, (5,)), (9, (4,))],
        (9, (4,)),
        LOGITS,
    ),
    "two_tower": Case(
        {"words": 9, "width": 4, "units": 3},
        [(9, (3,)), (9, (5,)), (0, (1,))],
        (0, (1,)),
        "mse",
    ),
    "unet": Case(
        {"size": 8, "channels": 2, "filters": 3, "depth": 1},
        [(0, (8, 8, 2))],
        (0, (8, 8, 1)),
        "binary_crossentropy",
    ),
    "wide_deep": Case(
        {"sizes": (7, 5), "numbers": 3, "width": 2, "hidden": (6, 4)},
        [(7, (1,)), (5, (1,)), (0, (3,))],
        (2, (1,)),
        "binary_crossentropy",
    ),
}


def loaded(name: str, library: str) -> Any:
    """A file of `experiments/models/` as a module that was written for this library."""
    source = (FOLDER / f"{name}.py").read_text(encoding="utf-8")
    if library != "jkeras":
        source = re.sub(r"^import jkeras$", f"import {library} as jkeras", source, flags=re.M)
        source = re.sub(r"^from jkeras\b", f"from {library}", source, flags=re.M)
    module: Any = types.ModuleType(name)
    exec(compile(source, f"{name}.py", "exec"), vars(module))
    return module


def _drawn(random: np.random.RandomState, kind: tuple[int, tuple[int, ...]]) -> Any:
    largest, shape = kind
    if largest:
        return random.randint(0, largest, (ROWS, *shape)).astype("int32")
    return random.rand(ROWS, *shape).astype("float32")


def data(case: Case) -> tuple[Any, Any]:
    """Inputs and targets."""
    random = np.random.RandomState(5)
    inputs = [_drawn(random, kind) for kind in case.inputs]
    return inputs[0] if len(inputs) == 1 else inputs, _drawn(random, case.targets)


def step(name: str, library: str) -> dict[str, Any]:
    """The loss of one step of training and the weights after it, in order."""
    case, k = CASES[name], importlib.import_module(library)
    model = loaded(name, library).build(**case.options)
    equal_weights(model)
    loss = getattr(k.losses, case.loss)(from_logits=True) if case.loss == LOGITS else case.loss
    model.compile(k.optimizers.SGD(0.1), loss)
    found = {"loss": np.float32(model.train_on_batch(*data(case)))}
    return found | {str(i): weight for i, weight in enumerate(model.get_weights())}
