"""Which variables Muon makes orthogonal, and which it leaves to Adam."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jkeras
from jkeras.optimizers import Adam, Muon
from jkeras.optimizers.muon import orthogonal

COEFFICIENTS = (3.4445, -4.7750, 2.0315)


@pytest.mark.parametrize("shape", [(4, 4), (3, 6), (6, 3)])
def test_singular_values_come_near_one(shape: tuple[int, int]) -> None:
    matrix = jax.random.normal(jax.random.key(0), shape)
    made = orthogonal(matrix, steps=5, coefficients=COEFFICIENTS)
    values = np.linalg.svd(made, compute_uv=False)
    assert made.shape == shape and values.min() > 0.6 and values.max() < 1.3


def test_singular_vectors_stay() -> None:
    matrix = jax.random.normal(jax.random.key(1), (3, 5))
    made = orthogonal(matrix, steps=3, coefficients=COEFFICIENTS)
    left, _, right = np.linalg.svd(matrix, full_matrices=False)
    turned = left.T @ np.asarray(made) @ right.T
    np.testing.assert_allclose(turned, np.diag(np.diag(turned)), atol=1e-5)


def test_a_matrix_of_zeros_stays_zero() -> None:
    made = orthogonal(jnp.zeros((2, 3)), steps=5, coefficients=COEFFICIENTS)
    assert (made == 0).all()


def _adams(rule: Muon, params: Any) -> set[str]:
    slots = rule.init(params).slots
    return {path for path, leaf in slots.get("velocity", {}).items() if leaf is not None}


def test_adam_has_what_is_no_matrix_what_is_embedded_and_what_is_named() -> None:
    params = {
        name: jnp.ones(shape)
        for name, shape in {
            "bias": (3,),
            "filters": (2, 2, 3),
            "hidden": (3, 3),
            "output": (3, 2),
            "token_embeddings": (5, 3),
        }.items()
    }
    assert _adams(Muon(), params) == {"bias", "filters", "token_embeddings"}
    assert _adams(Muon(exclude_embeddings=False), params) == {"bias", "filters"}
    assert _adams(Muon(exclude_layers=["^out", "dd"]), params) == {
        "bias",
        "filters",
        "hidden",
        "output",
        "token_embeddings",
    }


def test_layers_are_named_by_their_paths() -> None:
    net = jkeras.models.Chain([jkeras.layers.Dense(4), jkeras.layers.Dense(2, name="last")])
    params, _ = net.init(jax.random.key(0), jax.ShapeDtypeStruct((1, 3), jnp.float32))
    velocity = Muon(exclude_layers=["last"]).init(params).slots["velocity"]
    assert velocity["dense"]["kernel"] is None and velocity["last"]["kernel"].shape == (4, 2)


def test_the_rest_moves_as_under_adam() -> None:
    params, grads = {"bias": jnp.array([1.0, 2.0])}, {"bias": jnp.array([0.5, -3.0])}
    muon, adam = Muon(0.1, adam_weight_decay=0.2, adam_lr_ratio=0.5), Adam(0.05)
    got, _ = muon.update(grads, muon.init(params), params)
    expected, _ = adam.update(grads, adam.init(params), params)
    np.testing.assert_allclose(
        got["bias"], expected["bias"] - 0.1 * 0.2 * params["bias"], rtol=1e-5, atol=1e-6
    )


@pytest.mark.parametrize(("rate", "length"), [(None, 1.0), (0.2, 0.2 * np.sqrt(6))])
def test_the_length_of_an_update(rate: float | None, length: float) -> None:
    rule = Muon(0.1, weight_decay=None, rms_rate=rate)
    params = {"kernel": jax.random.normal(jax.random.key(0), (2, 6))}
    updates, _ = rule.update(params, rule.init(params), params)
    values = np.linalg.svd(updates["kernel"], compute_uv=False)
    np.testing.assert_allclose(values, 0.1 * length, rtol=0.3)


def test_defaults_are_keras_ones() -> None:
    assert Muon() == Muon(0.001, 0.9, 0.999, 0.004, 1e-7, weight_decay=0.004, momentum=0.95)
    assert Muon(exclude_layers=[]) == Muon()


@pytest.mark.parametrize(
    ("arguments", "kind", "message"),
    [
        (
            {"exclude_layers": "last"},
            TypeError,
            "Muon: `exclude_layers`: expected a list of strings, got 'last' (str).",
        ),
        (
            {"exclude_layers": ["(last"]},
            ValueError,
            "Muon: `exclude_layers`: expected regular expressions, got '(last': missing ), "
            "unterminated subpattern at position 0.",
        ),
        (
            {"ns_steps": -1},
            ValueError,
            "Muon: `ns_steps`: expected an integer of at least 0, got -1 (int).",
        ),
        (
            {"momentum": 1.5},
            ValueError,
            "Muon: `momentum`: expected a number in [0, 1], got 1.5 (float).",
        ),
    ],
)
def test_wrong_arguments_are_refused(arguments: Any, kind: type[Exception], message: str) -> None:
    with pytest.raises(kind) as caught:
        Muon(**arguments)
    assert str(caught.value) == message
