"""Sizes, names and outputs of the networks, beside Keras's (`golden/make_applications.py`)."""

import hashlib
import json
import math
from pathlib import Path
from typing import Any

import jax
import numpy as np
import pytest

import jkeras
from tests.golden.applications_cases import SMALLEST, image, summary, weight

GOLDEN = json.loads((Path(__file__).parents[1] / "golden" / "applications.json").read_text())
NAMES = sorted(name for name in jkeras.applications.__all__ if name[0].isupper())


def parameters(model: jkeras.Model) -> int:
    """How many numbers the weights have; none of them is made."""
    sizes = [size or 64 for size in model.input_shape[1:]]
    spec = jax.ShapeDtypeStruct((1, *sizes), "float32")
    values = jax.eval_shape(model.net.init, jax.random.key(0), spec)
    return sum(math.prod(leaf.shape) for leaf in jax.tree.leaves(values))


@pytest.mark.parametrize("name", NAMES)
def test_a_network_has_the_layers_and_parameters_of_keras(name: str) -> None:
    model = getattr(jkeras.applications, name)(weights=None)
    names = "\n".join(str(layer.name) for layer in model.layers)
    known: dict[str, Any] = GOLDEN["sizes"][name]
    assert parameters(model) == known["parameters"]
    assert len(model.layers) == known["layers"]
    assert hashlib.sha256(names.encode()).hexdigest()[:16] == known["names"]


@pytest.mark.parametrize("name", list(GOLDEN["outputs"]))
def test_outputs_are_those_of_keras(name: str) -> None:
    size = SMALLEST[name]
    model = getattr(jkeras.applications, name)(
        weights=None, include_top=False, input_shape=(size, size, 3), pooling="avg"
    )
    new = [weight(i, w.shape, w.dtype) for i, w in enumerate(model.weights)]
    model.set_weights(new)
    got = summary(model.predict(image(size), verbose=0))
    expected = GOLDEN["outputs"][name]
    scale = np.abs(expected).max()  # small outputs are differences of large numbers
    np.testing.assert_allclose(got, expected, rtol=1e-4, atol=1e-4 * scale)
