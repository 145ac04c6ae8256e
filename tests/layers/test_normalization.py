"""BatchNormalization beyond the laws: padded rows, wide statistics, training with `renorm`."""

import inspect
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jkeras.layers import BatchNormalization
from tests.kinds import kind_raised
from tests.tolerances import near

GOLDEN = dict(np.load(Path(__file__).parents[1] / "golden" / "layers.npz"))
CASES = json.loads(str(GOLDEN["cases"]))
RENORMED = [name for name, row in CASES.items() if row["arguments"].get("renorm")]
STEP_SIZE = 0.1  # make_layers.STEP_SIZE
HINT = "(if Keras changed: python tests/golden/make_layers.py)"

BOUNDS = {"rmax": 1.5, "rmin": 0.9, "dmax": 0.2}
X = jnp.asarray(np.random.default_rng(0).normal(size=(5, 3)), jnp.float32)

renormed = pytest.mark.parametrize("case", RENORMED)
plain_and_renorm = pytest.mark.parametrize(
    "layer",
    [BatchNormalization(), BatchNormalization(renorm=True, renorm_clipping=BOUNDS)],
    ids=["plain", "renorm"],
)


def steps(case: str, what: str) -> Iterator[list[np.ndarray]]:
    """The arrays called `what` of each training step of a case."""
    count = sum(name.startswith(f"{case}|steps|{what}|") for name in GOLDEN)
    columns = [GOLDEN[f"{case}|steps|{what}|{i}"] for i in range(count)]
    return (list(row) for row in zip(*columns, strict=True))


def slopes(layer: BatchNormalization, params: dict, state: dict, x: Any, cotangents: Any) -> tuple:
    """Gradients of Σ cotangents · outputs in training, by `params` and by `x`."""

    def scalar(params: dict, x: jax.Array) -> jax.Array:
        return jnp.sum(layer.apply(params, state, x, training=True)[0] * cotangents)

    return jax.grad(scalar, argnums=(0, 1))(params, x)


def assert_close(got: Any, expected: Any) -> None:
    """Within 1e-5, and 1e-6 of the largest entry for the sums that nearly cancel."""
    np.testing.assert_allclose(got, expected, **near("sums", expected), err_msg=HINT)


@plain_and_renorm
def test_rows_that_do_not_count_change_nothing(layer: BatchNormalization) -> None:
    params, state = layer.init(jax.random.key(0), X)
    padded = jnp.concatenate([X, jnp.full((2, 3), 100.0)])
    rows = jnp.arange(7) < 5
    got, moved = layer.apply(params, state, padded, training=True, rows=rows)
    expected, expected_state = layer.apply(params, state, X, training=True)
    np.testing.assert_allclose(got[:5], expected, rtol=1e-5, atol=1e-6)
    assert [*moved] == [*expected_state] == [*state]
    for name, value in expected_state.items():
        np.testing.assert_allclose(moved[name], value, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("renorm", [False, True])
def test_half_precision_inputs_are_averaged_in_float32(renorm: bool) -> None:
    layer = BatchNormalization(momentum=0.0, renorm=renorm)
    # In bfloat16 the sum of so many ones stops growing long before the end.
    x = jnp.ones((4096, 1), jnp.bfloat16)
    params, state = layer.init(jax.random.key(0), x)
    outputs, moved = layer.apply(params, state, x, training=True)
    assert outputs.dtype == jnp.bfloat16
    assert {value.dtype for value in moved.values()} == {np.dtype("float32")}
    assert moved["moving_mean"].tolist() == [1.0]


@renormed
def test_training_with_renorm_follows_keras(case: str) -> None:
    layer = BatchNormalization(**CASES[case]["arguments"])
    cotangents = GOLDEN[f"{case}|given|cotangents|0"]
    wanted = [steps(case, what) for what in ("inputs", "outputs", "carried", "d_inputs")]
    params, state = layer.init(jax.random.key(0), next(steps(case, "inputs"))[0])
    # A layer without gamma and beta has no column of gradients, so these are read by name.
    d_wanted = {name: GOLDEN[f"{case}|steps|d_weights|{i}"] for i, name in enumerate(params)}
    for step, ([x], [outputs], carried, [d_x]) in enumerate(zip(*wanted, strict=True)):
        got, moved = layer.apply(params, state, x, training=True)
        d_params, d_inputs = slopes(layer, params, state, jnp.asarray(x), cotangents)
        assert_close(got, outputs)
        assert_close(d_inputs, d_x)
        for name, expected in zip(state, carried, strict=True):
            assert_close(moved[name], expected)
        for name, expected in d_wanted.items():
            assert_close(d_params[name], expected[step])
        params = jax.tree.map(lambda weight, slope: weight - STEP_SIZE * slope, params, d_params)
        state = moved
    assert_close(layer.apply(params, state, x)[0], GOLDEN[f"{case}|trained|outputs|0"])


def test_renorm_starts_from_the_initializers() -> None:
    layer = BatchNormalization(
        renorm=True,
        moving_mean_initializer="ones",
        moving_variance_initializer=lambda s, **_: 4 * jnp.ones(s),
    )
    _, state = layer.init(jax.random.key(0), X)
    assert {name: value.tolist() for name, value in state.items()} == {
        "moving_mean": [1.0] * 3,
        "moving_variance": [4.0] * 3,
        "moving_stddev": [2.0] * 3,
        "renorm_mean": [1.0] * 3,
        "renorm_stddev": [2.0] * 3,
    }


def test_fresh_renorm_state_can_be_donated() -> None:
    layer = BatchNormalization(renorm=True)
    params, state = layer.init(jax.random.key(0), X)
    buffers = [value.unsafe_buffer_pointer() for value in state.values()]
    assert len(set(buffers)) == 5
    train = jax.jit(lambda state: layer.apply(params, state, X, training=True)[1], donate_argnums=0)
    expected = layer.apply(params, state, X, training=True)[1]["moving_variance"]
    np.testing.assert_allclose(train(state)["moving_variance"], expected, rtol=1e-5)


def test_renorm_is_plain_where_the_batch_is_like_the_carried_statistics() -> None:
    plain, renorm = BatchNormalization(), BatchNormalization(renorm=True)
    params, state = renorm.init(jax.random.key(0), X)
    like = {
        "renorm_mean": jnp.mean(X, 0),
        "renorm_stddev": jnp.sqrt(jnp.var(X, 0) + renorm.epsilon),
    }
    got = renorm.apply(params, {**state, **like}, X, training=True)[0]
    expected = plain.apply(params, state, X, training=True)[0]
    np.testing.assert_allclose(got, expected, rtol=1e-5, atol=1e-6)


def test_renorm_from_a_deviation_of_zero_divides_by_the_root_of_epsilon() -> None:
    layer = BatchNormalization(renorm=True, momentum=1.0, moving_variance_initializer="zeros")
    params, state = layer.init(jax.random.key(0), X)
    outputs, moved = layer.apply(params, state, X, training=True)
    np.testing.assert_allclose(outputs, X / np.sqrt(layer.epsilon), rtol=1e-5, atol=1e-5)
    assert moved["moving_variance"].tolist() == [0.0] * 3


@plain_and_renorm
def test_masked_positions_do_not_count(layer: BatchNormalization) -> None:
    x = jnp.asarray(np.random.default_rng(1).normal(size=(3, 4, 2)), jnp.float32)
    mask = jnp.asarray([[1, 1, 1, 0], [1, 0, 1, 1], [0, 0, 0, 0]], bool)
    params, state = layer.init(jax.random.key(0), x)
    got, moved = layer.apply(params, state, x, training=True, mask=mask)
    counted, expected = layer.apply(params, state, x[mask], training=True)
    np.testing.assert_allclose(got[mask], counted, rtol=1e-5, atol=1e-6)
    for name, value in expected.items():
        np.testing.assert_allclose(moved[name], value, rtol=1e-5, atol=1e-6)
    rows = jnp.asarray([True, True, False])
    both = layer.apply(params, state, x, training=True, rows=rows, mask=mask.at[2].set(True))
    jax.tree.map(np.testing.assert_array_equal, both, (got, moved))


def test_a_mask_that_hides_everything_moves_towards_zero() -> None:
    layer = BatchNormalization(momentum=0.5, moving_mean_initializer="ones")
    params, state = layer.init(jax.random.key(0), X)
    _, moved = layer.apply(params, state, X, training=True, mask=jnp.zeros(5, bool))
    assert moved["moving_mean"].tolist() == moved["moving_variance"].tolist() == [0.5] * 3


def test_a_mask_changes_nothing_in_evaluation() -> None:
    layer = BatchNormalization()
    params, state = layer.init(jax.random.key(0), X)
    got, _ = layer.apply(params, state, X, mask=jnp.zeros(5, bool))
    np.testing.assert_array_equal(got, layer.apply(params, state, X)[0])


def test_synchronized_changes_nothing() -> None:
    outputs = []
    for layer in (BatchNormalization(), BatchNormalization(synchronized=True)):
        params, state = layer.init(jax.random.key(0), X)
        outputs.append(layer.apply(params, state, X, training=True))
    jax.tree.map(np.testing.assert_array_equal, *outputs)


def test_the_last_arguments_come_in_keras_order() -> None:
    parameters = inspect.signature(BatchNormalization).parameters
    found = {name: parameters[name].default for name in [*parameters][13:17]}
    assert list(found.items()) == [
        ("renorm", False),
        ("renorm_clipping", None),
        ("renorm_momentum", 0.99),
        ("synchronized", False),
    ]


def test_bounds_compare_and_hash_by_their_values() -> None:
    one = BatchNormalization(renorm=True, renorm_clipping={"rmax": 3, "dmax": None})
    same = BatchNormalization(renorm=True, renorm_clipping={"rmax": 3.0})
    assert one == same
    assert hash(one) == hash(same)
    assert one != BatchNormalization(renorm=True)
    assert one.replace(momentum=0.5).renorm_clipping == one.renorm_clipping
    assert repr(one) == "BatchNormalization(renorm=True, renorm_clipping=Clipping(rmax=3.0))"


WRONG: list[tuple[Callable[[], Any], type[Exception], str]] = [
    (
        lambda: BatchNormalization(renorm=True, renorm_clipping={"rmx": 3.0}),
        ValueError,
        "BatchNormalization: `renorm_clipping`: unknown key 'rmx'. Did you mean 'rmax'? "
        "Known: dmax, rmax, rmin.",
    ),
    (
        lambda: BatchNormalization(renorm=True, renorm_clipping=3.0),
        TypeError,
        "BatchNormalization: `renorm_clipping`: expected a dict with some of 'rmax', 'rmin', "
        "'dmax', got 3.0 (float).",
    ),
    (
        lambda: BatchNormalization(renorm=True, renorm_clipping={"rmax": 1.0, "rmin": 2.0}),
        ValueError,
        "BatchNormalization: `renorm_clipping`: Clipping: expected `rmin` of at most `rmax`, got "
        "2.0 and 1.0.",
    ),
    (
        lambda: BatchNormalization(renorm=True, renorm_clipping={"dmax": -1}),
        ValueError,
        "BatchNormalization: `renorm_clipping`: Clipping: `dmax`: expected a number of at least "
        "0, got -1.",
    ),
    (
        lambda: BatchNormalization(renorm=True, renorm_clipping={"rmax": "3"}),
        TypeError,
        "BatchNormalization: `renorm_clipping`: Clipping: `rmax`: expected a number of at least "
        "0, got '3' (str).",
    ),
    (
        lambda: BatchNormalization(renorm=True, renorm_momentum=99),
        ValueError,
        "BatchNormalization: `renorm_momentum`: expected a fraction from 0 to 1, got 99.",
    ),
    (
        lambda: BatchNormalization().apply(
            *BatchNormalization().init(jax.random.key(0), X), X, mask=jnp.ones((5, 3), bool)
        ),
        ValueError,
        "BatchNormalization: expected a `mask` of the inputs' shape without the last axis, (5,), "
        "got shape (5, 3).",
    ),
]


@pytest.mark.parametrize(("make", "kind", "message"), WRONG)
def test_wrong_arguments(make: Callable[[], Any], kind: type[Exception], message: str) -> None:
    with pytest.raises(kind) as caught:
        make()
    assert type(caught.value) is kind_raised(kind)
    assert str(caught.value) == message
