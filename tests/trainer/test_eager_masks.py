"""Masks between layers and models that are called by hand."""

from __future__ import annotations

import json
import pathlib

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jkeras
from jkeras.keras_classes.call_arrays import masks_of, with_masks
from tests.golden.sharing_cases import MASKED

GOLDEN = json.loads(pathlib.Path(__file__).parents[1].joinpath("golden/sharing.json").read_text())


@pytest.mark.filterwarnings("ignore:.*without trained weights")
@pytest.mark.parametrize("name", MASKED)
def test_a_case_is_as_in_keras(name: str) -> None:
    """`python -m tests.golden.make_sharing` wrote what Keras gives."""
    found = MASKED[name](jkeras)
    np.testing.assert_allclose(found, GOLDEN["cases"][name], rtol=1e-5, atol=1e-6)


def test_masks_go_to_their_outputs_and_none_to_others() -> None:
    outputs = with_masks({"a": jnp.ones((1, 2)), "b": jnp.ones(1)}, {"a": jnp.ones(1), "b": None})
    assert (
        jax.tree.map(jnp.shape, masks_of(outputs)["a"]) == (1,) and masks_of(outputs)["b"] is None
    )
    assert masks_of(with_masks(jnp.ones(1), (jnp.ones(1), None))) is None  # another structure
