"""Normalization: its laws, and the whole messages of its errors; the numbers are Keras's
(`test_golden_preprocessing`).
"""

from pathlib import Path
from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import jkeras
from jkeras.layers import Normalization

X = np.array([[1.0, 10.0], [3.0, 20.0], [8.0, 60.0]], np.float32)


@settings(deadline=None, max_examples=30)
@given(st.lists(st.integers(1, 30), min_size=1, max_size=5), st.integers(0, 9))
def test_batches_give_what_all_together_give(sizes: list[int], seed: int) -> None:
    x = np.random.default_rng(seed).normal(100.0, 3.0, (sum(sizes), 2))
    parts = np.split(x, np.cumsum(sizes)[:-1])
    layer, whole = Normalization().adapt(parts), Normalization().adapt(x)
    np.testing.assert_allclose(layer.adapt_mean, whole.adapt_mean, rtol=1e-6)
    np.testing.assert_allclose(layer.adapt_variance, whole.adapt_variance, rtol=1e-5, atol=1e-6)


def test_adapted_data_have_mean_zero_and_variance_one() -> None:
    layer = Normalization().adapt(X)
    outputs = layer.apply(*layer.init(None, X), X)[0]
    np.testing.assert_allclose(outputs.mean(0), [0, 0], atol=1e-6)
    np.testing.assert_allclose(outputs.var(0), [1, 1], rtol=1e-5)


def test_invert_is_the_inverse() -> None:
    there, back = Normalization().adapt(X), Normalization(invert=True).adapt(X)
    outputs = there.apply(*there.init(None, X), X)[0]
    again = back.apply(*back.init(None, X), outputs)[0]
    np.testing.assert_allclose(again, X, rtol=1e-5)


def test_what_never_varies_becomes_zero() -> None:
    layer = Normalization().adapt(np.full((4, 1), 7.0))
    outputs = layer.apply(*layer.init(None, jnp.zeros((1, 1))), jnp.array([[7.0]]))[0]
    assert outputs.tolist() == [[0.0]]


def test_unadapted_it_is_the_identity_whose_weights_may_be_loaded() -> None:
    params, state = Normalization().init(None, X)
    assert params == {} and {n: v.tolist() for n, v in state.items()} == {
        "mean": [0.0, 0.0],
        "variance": [1.0, 1.0],
        "count": -1,
    }


def test_a_configuration_holds_what_was_given_and_not_what_was_found() -> None:
    given = Normalization(axis=(1, 2), mean=[1.0, 2.0], variance=[3.0, 4.0], name="n")
    assert Normalization.from_config(given.get_config()) == given
    again = Normalization.from_config(Normalization(axis=None).adapt(X).get_config())
    assert again == Normalization(axis=None)


WRONG: list[tuple[Any, str]] = [
    (
        lambda: Normalization(mean=3.0),
        "Normalization: expected both `mean` and `variance`, or none of them, got mean=3.0 and "
        "variance=None.",
    ),
    (
        lambda: Normalization(mean=[1.0, 2.0], variance=[1.0]),
        "Normalization: expected `mean` and `variance` of one shape with at most as many axes as "
        "`axis` names, got shapes (2,) and (1,) with axis=(-1,).",
    ),
    (
        lambda: Normalization(axis=None, mean=[1.0], variance=[1.0]),
        "Normalization: expected `mean` and `variance` of one shape with at most as many axes as "
        "`axis` names, got shapes (1,) and (1,) with axis=().",
    ),
    (
        lambda: Normalization(mean=0.0, variance=-1.0),
        "Normalization: `variance`: expected numbers of at least 0, got -1.0.",
    ),
    (
        lambda: Normalization(mean=0.0, variance=1.0).adapt(X),
        "Normalization: adapt: `mean` and `variance` were given already. Leave them out of the "
        "constructor to take them from data.",
    ),
    (
        lambda: Normalization((0, 5)).adapt(X),
        "Normalization: expected `axis` to name axes of the inputs, got (0, 5) for inputs of shape "
        "(3, 2).",
    ),
    (
        lambda: Normalization((1, 1)),
        "Normalization: `axis`: expected one axis number or several different ones, got (1, 1).",
    ),
    (
        lambda: Normalization().adapt(X).init(None, jnp.zeros((3, 5))),
        "Normalization: expected inputs with (2,) features on axis (-1,), as in the data it was "
        "adapted to, got (5,) in shape (3, 5).",
    ),
    (
        lambda: Normalization().adapt(X[:, 0]).init(None, jnp.zeros(4)),
        "Normalization: expected inputs with (3,) features on axis (-1,), as in the data it was "
        "adapted to, got (4,) in shape (4,). Axis 0 is the batch: for one number per example pass "
        "axis=None.",
    ),
    (
        lambda: Normalization(mean=[1.0, 2.0], variance=[1.0, 2.0]).init(None, jnp.zeros((3, 5))),
        "Normalization: expected `mean` and `variance` to broadcast to (5,), the inputs' sizes on "
        "axis (-1,), got shape (2,).",
    ),
    (
        lambda: Normalization().apply({}, Normalization().init(None, X)[1], jnp.zeros((3, 5))),
        "Normalization: expected `inputs` whose axes (-1,) have the sizes of its statistics, (2,), "
        "got an array of shape (3, 5) and dtype float32.",
    ),
]


@pytest.mark.parametrize(("use", "message"), WRONG)
def test_wrong_uses(use: Any, message: str) -> None:
    with pytest.raises(ValueError) as caught:
        use()
    assert str(caught.value) == message


def test_adapt_gives_the_layer_its_weights() -> None:
    data = np.array([[0.0, 7.0], [2.0, 9.0]], "float32")
    layer = Normalization()
    assert layer.weights == [] and not layer.built
    layer.adapt(data)
    assert [weight.name for weight in layer.weights] == ["mean", "variance", "count"]
    assert layer.built and layer.count_params() == 5 and not layer.trainable_weights
    layer.set_weights([np.full(2, 1.0), np.full(2, 4.0), 0])
    np.testing.assert_allclose(layer(data), (data - 1) / 2)
    layer.adapt(data)
    np.testing.assert_allclose(layer(data), [[-1, -1], [1, 1]])


def test_in_the_call_of_a_model_the_statistics_are_weights_of_the_model(tmp_path: Path) -> None:
    class Normalized(jkeras.Model):
        def __init__(self) -> None:
            super().__init__()
            self.norm = Normalization()

        def call(self, x: Any) -> Any:
            return self.norm(x)

    data = np.array([[0.0, 7.0], [2.0, 9.0]], "float32")
    first, second, third = Normalized(), Normalized(), Normalized()
    first.norm.adapt(data)
    second.norm.adapt(3 * data)
    for model in (first, second, third):
        model.build((None, 2))
        assert [weight.name for weight in model.weights] == ["mean", "variance", "count"]
    first.save_weights(tmp_path / "norm.weights.h5")
    for model in (second, third):
        model.load_weights(tmp_path / "norm.weights.h5")
        for said in (model(data), model.predict(data, verbose=0), model.norm(data)):
            np.testing.assert_allclose(said, [[-1, -1], [1, 1]])
    second.norm.adapt(3 * data)
    np.testing.assert_allclose(second.predict(3 * data, verbose=0), [[-1, -1], [1, 1]])


def test_the_attributes_mean_and_variance_show_the_statistics() -> None:
    """As in Keras: None before `adapt`, then with an axis for each of the inputs."""
    layer = Normalization()
    assert layer.mean is None and layer.variance is None
    layer.adapt(X)
    np.testing.assert_allclose(layer.mean, [[4, 30]])
    np.testing.assert_allclose(layer.variance, [[26 / 3, 1400 / 3]], rtol=1e-6)
    assert layer.get_config()["mean"] is None and layer == Normalization().adapt(X)
    layer.set_weights([np.ones(2), np.full(2, 9.0), 0])
    assert layer.mean.tolist() == [[1, 1]] and layer.variance.tolist() == [[9, 9]]
    assert Normalization(axis=1).adapt(np.ones((2, 3, 4))).mean.shape == (1, 3, 1)
    assert Normalization(axis=None).adapt(X).mean.shape == (1, 1)
    constant = Normalization(mean=2.0, variance=1.0)
    assert (constant.mean, constant.variance) == (2.0, 1.0) and constant.weights == []


def test_a_file_tells_a_mean_of_0_and_a_variance_of_1_from_none(tmp_path: Path) -> None:
    x = np.array([[-1.0], [1.0]], "float32")
    model = jkeras.Sequential([jkeras.Input((1,)), Normalization().adapt(x)])
    np.testing.assert_array_equal(model.predict(x, verbose=0), x)
    model.save(tmp_path / "model.keras")
    again = jkeras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(again.predict(x, verbose=0), x)


def waiting() -> Any:
    """A model whose layer was made by code, and not adapted."""
    return jkeras.Sequential([jkeras.Input((2,)), Normalization()])


def assert_identity(model: Any) -> None:
    np.testing.assert_array_equal(model.predict(X, verbose=0), X)


def assert_waits(model: Any) -> None:
    with pytest.raises(ValueError, match="expected statistics of the data, and it has none yet"):
        model.predict(X, verbose=0)


def test_what_a_configuration_describes_begins_as_the_identity() -> None:
    layer = Normalization.from_config(Normalization().get_config())
    np.testing.assert_array_equal(layer(X), X)
    assert layer == Normalization() and not layer.adapted
    model = waiting()
    read = jkeras.Sequential.from_config(model.get_config())
    assert_identity(read)
    assert_identity(jkeras.models.clone_model(read))
    assert_waits(model)
    read.get_layer("normalization").adapt(X)
    np.testing.assert_allclose(read.predict(X, verbose=0).mean(0), [0, 0], atol=1e-6)


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # of Keras
def test_files_of_keras_from_before_adapt_run_as_there(tmp_path: Path) -> None:
    keras = pytest.importorskip("keras", reason="Keras is the oracle")
    theirs = keras.Sequential([keras.Input((2,)), keras.layers.Normalization()])
    theirs.save(tmp_path / "theirs.keras")
    theirs.save_weights(tmp_path / "theirs.weights.h5")
    assert_identity(theirs)
    assert_identity(jkeras.models.load_model(tmp_path / "theirs.keras"))
    model = waiting()
    model.load_weights(tmp_path / "theirs.weights.h5")
    assert_identity(model)


def test_our_file_from_before_adapt_still_waits_for_it(tmp_path: Path) -> None:
    waiting().save(tmp_path / "ours.keras")
    model = jkeras.models.load_model(tmp_path / "ours.keras")
    assert_waits(model)
    model.get_layer("normalization").adapt(X)
    np.testing.assert_allclose(model.predict(X, verbose=0).mean(0), [0, 0], atol=1e-6)


@pytest.mark.parametrize("axis", [-1, None])
def test_a_clone_has_equal_statistics_of_its_own(axis: int | None) -> None:
    layer = Normalization(axis=axis).adapt(X)
    model = jkeras.Sequential([jkeras.Input((2,)), layer])
    clone = jkeras.models.clone_model(model)
    expected = model.predict(X, verbose=0)
    np.testing.assert_array_equal(clone.predict(X, verbose=0), expected)
    clone.get_layer("normalization").adapt(X + 1)
    np.testing.assert_array_equal(model.predict(X, verbose=0), expected)
    np.testing.assert_allclose(layer.adapt_mean, X.mean(0 if axis else None), rtol=1e-6)
    assert_waits(jkeras.models.clone_model(waiting()))
