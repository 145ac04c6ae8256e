"""Losses beside Keras: values, reductions, weights and gradients, case by case.

Regenerate with `KERAS_BACKEND=jax python tests/golden/make_losses.py`.
"""

import json
from pathlib import Path

import jax
import numpy as np
import pytest

from jkeras import losses
from tests.tolerances import near

STORED = np.load(Path(__file__).parents[1] / "golden" / "losses.npz")
CASES = json.loads(str(STORED["meta"]))["cases"]
REDUCTIONS = ("sum_over_batch_size", "sum", "mean_with_sample_weight")
CLOSE, CLOSE_GRADIENT = near("values", 0.0), near("gradients of losses", 0.0)

cases = pytest.mark.parametrize(("case", "name", "arguments"), CASES, ids=[c[0] for c in CASES])


def arrays(case):
    return (STORED[f"{case}/{key}"] for key in ("y_true", "y_pred", "weight"))


def made(name, **arguments):
    if name == "Tversky":  # Keras computes with alpha and beta exchanged
        alpha, beta = (arguments.pop(key, 0.5) for key in ("alpha", "beta"))
        arguments.update(alpha=beta, beta=alpha)
    return getattr(losses, name)(**arguments)


@cases
def test_values_are_those_of_keras(case, name, arguments):
    y_true, y_pred, _ = arrays(case)
    values = made(name, **arguments).values(y_true, y_pred)
    np.testing.assert_allclose(values, STORED[f"{case}/values"], **CLOSE)
    assert values.dtype == STORED[f"{case}/values"].dtype


@cases
@pytest.mark.parametrize("reduction", REDUCTIONS)
def test_reductions_are_those_of_keras(case, name, arguments, reduction):
    y_true, y_pred, weight = arrays(case)
    loss = made(name, **arguments, reduction=reduction)
    np.testing.assert_allclose(loss(y_true, y_pred), STORED[f"{case}/{reduction}"], **CLOSE)
    weighted = loss(y_true, y_pred, sample_weight=weight)
    np.testing.assert_allclose(weighted, STORED[f"{case}/weighted_{reduction}"], **CLOSE)


@cases
def test_gradients_are_those_of_keras(case, name, arguments):
    y_true, y_pred, weight = arrays(case)
    loss = made(name, **arguments)
    gradient = jax.jit(jax.grad(lambda p: loss(y_true, p, sample_weight=weight)))(y_pred)
    np.testing.assert_allclose(gradient, STORED[f"{case}/gradient"], **CLOSE_GRADIENT)


def test_every_loss_has_a_case():
    classes = {
        name
        for name in losses.__all__
        if isinstance(getattr(losses, name), type) and name not in ("Loss", "LossFunction")
    }
    assert {name for _, name, _ in CASES} == classes
