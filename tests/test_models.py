"""Models of the literature, in `experiments/models/`: Keras's counts and Keras's step.

`python -m tests.golden.make_models` builds the same files with Keras in place of jkeras.
"""

from __future__ import annotations

import inspect
import math
from pathlib import Path
from typing import Any

import jax
import numpy as np
import pytest

from tests.golden.models_cases import CASES, FOLDER, loaded, step
from tests.tolerances import near

GOLDEN = np.load(Path(__file__).parent / "golden" / "models.npz")
PUBLISHED = {"resnet50": 25_636_712, "gpt": 124_439_808}


def count_of(model: Any) -> int:
    """The number of weights, from shapes alone."""
    specs = [
        jax.ShapeDtypeStruct([n or 2 for n in symbol.shape], symbol.dtype)
        for symbol in model.inputs
    ]
    trees = jax.eval_shape(model.net.init, jax.random.key(0), *specs)
    return sum(math.prod(leaf.shape) for leaf in jax.tree.leaves(trees))


def test_every_model_has_its_golden() -> None:
    assert {path.stem for path in FOLDER.glob("*.py")} == set(CASES)
    assert {name.partition("/")[0] for name in GOLDEN.files} == {*CASES, "keras"}


@pytest.mark.parametrize("name", CASES)
def test_a_model_has_as_many_weights_as_in_keras(name: str) -> None:
    count = count_of(loaded(name, "jkeras").build())
    assert count == GOLDEN[f"{name}/params"] == PUBLISHED.get(name, count)


@pytest.mark.parametrize("name", CASES)
def test_a_step_of_training_is_that_of_keras(name: str) -> None:
    found = step(name, "jkeras")
    wanted = {key: GOLDEN[f"{name}/{key}"] for key in found}
    assert len([key for key in GOLDEN.files if key.startswith(f"{name}/")]) == len(found) + 1
    assert {key: value.shape for key, value in found.items()} == {
        key: value.shape for key, value in wanted.items()
    }
    for key, value in wanted.items():
        np.testing.assert_allclose(found[key], value, err_msg=key, **near("sums", value))


@pytest.mark.parametrize("name", CASES)
def test_a_model_is_built_in_under_80_lines(name: str) -> None:
    source = (FOLDER / f"{name}.py").read_text(encoding="utf-8")
    before, _, _ = source.partition("def main")
    assert len([line for line in before.splitlines() if line.strip()]) < 80
    assert inspect.cleandoc(source).startswith('"""')
