"""Rules that divide by a root of past squares: what they keep, and how they start."""

from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest

from jkeras.core import trees
from jkeras.optimizers import Adadelta, Adafactor, Adagrad, RMSprop


def _first(rule: Any, gradient: Any, param: Any = None) -> tuple[np.ndarray, Any]:
    params = {"w": jnp.ones_like(gradient) if param is None else param}
    updates, state = rule.update({"w": gradient}, rule.init(params), params)
    return np.asarray(updates["w"]), state


def test_adagrad_starts_where_it_is_told() -> None:
    rule = Adagrad(1.0, initial_accumulator_value=7.0, epsilon=0.0)
    update, state = _first(rule, jnp.array([3.0, 0.0]))
    np.testing.assert_allclose(update, [-0.75, 0.0], rtol=1e-6)
    assert state.slots["accumulator"]["w"].tolist() == [16.0, 7.0]


def test_the_first_updates_of_adadelta_have_the_size_of_its_epsilon() -> None:
    rule = Adadelta(1.0, rho=0.75, epsilon=0.01)
    update, _ = _first(rule, jnp.array([200.0, -200.0]))
    np.testing.assert_allclose(update, [-0.2, 0.2], rtol=1e-4)


def test_adafactor_keeps_the_sides_of_a_matrix() -> None:
    shapes = {"bias": (5,), "kernel": (30, 40), "kernels": (2, 3, 4), "scale": ()}
    state = Adafactor().init({path: jnp.ones(shape) for path, shape in shapes.items()})
    sizes = {path: tuple(leaf.shape) for path, leaf in trees.named_leaves(state.slots).items()}
    assert sizes == {
        "column/kernel": (40,),
        "column/kernels": (2, 4),
        "row/kernel": (30,),
        "row/kernels": (2, 3),
        "velocity/bias": (5,),
        "velocity/scale": (),
    }


def test_adafactor_knows_squares_that_are_a_product_of_sides() -> None:
    gradient = jnp.array([[1.0], [2.0]]) * jnp.array([[3.0, 4.0, -5.0]])
    update, _ = _first(Adafactor(0.1), gradient)
    np.testing.assert_allclose(update, -0.1 * np.sign(gradient), rtol=1e-5)


def test_adafactor_moves_in_proportion_to_the_variable_and_at_least_by_epsilon() -> None:
    gradient = jnp.array([1.0, -1.0])
    large, _ = _first(Adafactor(0.1), gradient, jnp.array([30.0, -40.0]))
    np.testing.assert_allclose(large, -0.1 * np.sqrt(1250) * gradient, rtol=1e-5)
    small, _ = _first(Adafactor(0.1, epsilon_2=0.5), gradient, jnp.zeros(2))
    np.testing.assert_allclose(small, -0.1 * 0.5 * gradient, rtol=1e-5)


@pytest.mark.parametrize("shape", [(2,), (2, 3)])
def test_adafactor_stays_where_there_is_no_gradient(shape: tuple[int, ...]) -> None:
    update, _ = _first(Adafactor(0.1), jnp.zeros(shape))
    assert (update == 0).all()


@pytest.mark.parametrize("shape", [(0,), (0, 3), (3, 0), (2, 0, 3)])
def test_adafactor_passes_variables_without_elements(shape: tuple[int, ...]) -> None:
    update, state = _first(Adafactor(0.1), jnp.zeros(shape))
    assert update.shape == shape
    assert all(jnp.isfinite(slot).all() for slot in trees.named_leaves(state.slots).values())


def test_relative_step_changes_nothing_as_in_keras() -> None:
    gradient = jnp.array([[1.0, -2.0], [0.5, 3.0]])
    relative, _ = _first(Adafactor(5.0), gradient)
    absolute, _ = _first(Adafactor(5.0, relative_step=False), gradient)
    np.testing.assert_array_equal(relative, absolute)


def test_defaults_are_keras_ones() -> None:
    assert RMSprop() == RMSprop(
        learning_rate=0.001, rho=0.9, momentum=0.0, epsilon=1e-7, centered=False
    )
    assert Adagrad() == Adagrad(0.001, 0.1, 1e-7)
    assert Adadelta() == Adadelta(0.001, 0.95, 1e-7)
    assert Adafactor() == Adafactor(0.001, -0.8, 1e-30, 1e-3, 1.0, True)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: RMSprop(rho=-0.1),
            "RMSprop: `rho`: expected a number in [0, 1), got -0.1 (float).",
        ),
        (
            lambda: RMSprop(epsilon=-1e-7),
            "RMSprop: `epsilon`: expected a number of at least 0, got -1e-07 (float).",
        ),
        (
            lambda: Adagrad(initial_accumulator_value=-1),
            "Adagrad: `initial_accumulator_value`: expected a number of at least 0, got -1 (int).",
        ),
        (
            lambda: Adafactor(beta_2_decay=0.8),
            "Adafactor: `beta_2_decay`: expected a number of at most 0, got 0.8 (float).",
        ),
        (
            lambda: Adafactor(clip_threshold=0),
            "Adafactor: `clip_threshold`: expected a number above 0, got 0 (int).",
        ),
    ],
)
def test_wrong_arguments_are_refused(make: Any, message: str) -> None:
    with pytest.raises(ValueError) as caught:
        make()
    assert str(caught.value) == message
