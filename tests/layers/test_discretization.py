"""Discretization: its laws and errors; the numbers are Keras's (`test_golden_preprocessing`)."""

from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jkeras.layers import Discretization
from jkeras.layers.discretization import compressed, summarized

X = np.arange(100.0)


@settings(deadline=None, max_examples=30)
@given(st.integers(2, 12), st.integers(0, 5))
def test_about_equally_many_in_each_bin(bins: int, seed: int) -> None:
    x = np.random.default_rng(seed).permutation(1200.0 + np.arange(1200))
    layer = Discretization(num_bins=bins).adapt(np.split(x, 4))
    assert len(layer.boundaries) == bins - 1
    counts = np.bincount(np.digitize(x, layer.boundaries), minlength=bins)
    assert np.abs(counts - 1200 / bins).max() <= 3 * 0.01 * 1200


def test_a_boundary_belongs_to_the_upper_bin_and_integers_are_numbers() -> None:
    layer = Discretization([0.0, 1.0])
    assert layer.apply({}, {}, jnp.array([0, 1, -1, 5]))[0].tolist() == [1, 2, 0, 2]


def test_a_summary_keeps_what_it_counts() -> None:
    summary = summarized(X.astype("float32"), 0.05)
    assert summary.shape == (2, 20) and summary[1].sum() == 100
    np.testing.assert_allclose(compressed(summary, 0.1)[1].sum(), 100)
    assert compressed(summary, 0.01) is summary


def test_steps_end_what_has_no_end() -> None:
    def endless() -> Any:
        while True:
            yield X

    layer = Discretization(num_bins=4).adapt(endless(), steps=2)
    assert layer.boundaries == Discretization(num_bins=4).adapt([X, X]).boundaries


def test_a_configuration_holds_the_boundaries_that_were_found() -> None:
    layer = Discretization(num_bins=3).adapt(X)
    config = layer.get_config()
    assert (config["num_bins"], config["bin_boundaries"]) == (3, list(layer.boundaries))
    assert Discretization.from_config(config) == layer
    assert Discretization.from_config(config).adapt(X + 1) != layer
    for other in (Discretization([0.0, 2.0]), Discretization(num_bins=3)):
        assert Discretization.from_config(other.get_config()) == other


WRONG: list[tuple[Any, type[Exception], str]] = [
    (
        lambda: Discretization(),
        ValueError,
        "Discretization: expected either `bin_boundaries` or `num_bins`, got bin_boundaries=None "
        "and num_bins=None.",
    ),
    (
        lambda: Discretization([0.0], num_bins=2),
        ValueError,
        "Discretization: expected either `bin_boundaries` or `num_bins`, got bin_boundaries=(0.0,) "
        "and num_bins=2.",
    ),
    (
        lambda: Discretization([1.0, 0.0]),
        ValueError,
        "Discretization: `bin_boundaries`: expected increasing numbers, got [1.0, 0.0].",
    ),
    (
        lambda: Discretization(5.0),
        TypeError,
        "Discretization: `bin_boundaries`: expected a list of numbers, got 5.0 (float).",
    ),
    (
        lambda: Discretization(num_bins=0),
        ValueError,
        "Discretization: `num_bins`: expected a positive integer, got 0.",
    ),
    (
        lambda: Discretization([0.0], epsilon=0),
        ValueError,
        "Discretization: `epsilon`: expected a fraction above 0 and up to 1, got 0.0.",
    ),
    (
        lambda: Discretization([0.0], output_mode="onehot"),
        ValueError,
        "Discretization: `output_mode`: expected one of 'int', 'one_hot', 'multi_hot', 'count', "
        "got 'onehot'. Did you mean 'one_hot'?",
    ),
    (
        lambda: Discretization([0.0], output_mode="count", sparse=True),
        ValueError,
        "Discretization: `sparse`: expected False, got True: outputs here are dense arrays.",
    ),
    (
        lambda: Discretization([0.0]).adapt(X),
        ValueError,
        "Discretization: adapt: `bin_boundaries` were given already. Pass `num_bins` instead to "
        "take them from data.",
    ),
    (
        lambda: Discretization(num_bins=2).adapt([X], steps=0),
        ValueError,
        "Discretization: adapt: `steps`: expected a positive integer, got 0.",
    ),
    (
        lambda: Discretization(num_bins=2, name="d").apply({}, {}, jnp.zeros(3)),
        ValueError,
        "Discretization 'd': expected boundaries, and it has none yet. Compute them: "
        "layer.adapt(x_train); or pass `bin_boundaries`.",
    ),
]


@pytest.mark.parametrize(("use", "kind", "message"), WRONG)
def test_wrong_uses(use: Any, kind: type[Exception], message: str) -> None:
    with pytest.raises(kind) as caught:
        use()
    assert str(caught.value) == message
