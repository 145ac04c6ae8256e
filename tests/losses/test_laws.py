"""Laws that hold for every loss: one table of losses, crossed with the laws."""

import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.test_util import check_grads

from jkeras import losses

rng = np.random.default_rng(0)
REAL, OTHER = (jnp.asarray(rng.normal(size=(6, 4)), jnp.float32) for _ in range(2))
POSITIVE = jnp.exp(REAL)
P, Q = jax.nn.softmax(REAL), jax.nn.softmax(OTHER)
LABELS = jnp.asarray([0, 3, 1, 2, 2, 0])
ONE_HOT = jnp.asarray(np.eye(4, dtype=np.int32)[np.asarray(LABELS)])
BITS = (OTHER > 0).astype(jnp.int32)
UNIT = REAL / jnp.linalg.norm(REAL, axis=-1, keepdims=True)
SYMBOLS = jnp.asarray([[1, 2, 2], [3, 0, 0], [1, 1, 0], [2, 3, 1], [0, 0, 0], [3, 3, 0]])
STEPS = jnp.asarray(rng.normal(size=(6, 7, 4)), jnp.float32)


def absolute(y_true, y_pred):
    return jnp.mean(jnp.abs(y_true - y_pred), axis=-1)


def absolute_of_batch(y_true, y_pred):
    return jnp.mean(jnp.abs(y_true - y_pred))


TABLE = [
    (losses.MeanSquaredError(), OTHER, REAL),
    (losses.MeanAbsoluteError(), OTHER, REAL),
    (losses.MeanAbsolutePercentageError(), OTHER, REAL),
    (losses.MeanSquaredLogarithmicError(), P, POSITIVE),
    (losses.Huber(0.7), OTHER, REAL),
    (losses.LogCosh(), OTHER, REAL),
    (losses.CosineSimilarity(), OTHER, REAL),
    (losses.KLDivergence(), Q, P),
    (losses.Poisson(), Q, POSITIVE),
    (losses.Hinge(), 2 * BITS - 1, REAL),
    (losses.SquaredHinge(), 2 * BITS - 1, REAL),
    (losses.CategoricalHinge(), ONE_HOT, REAL),
    (losses.BinaryCrossentropy(), BITS, P),
    (losses.BinaryCrossentropy(from_logits=True, label_smoothing=0.1), BITS, REAL),
    (losses.CategoricalCrossentropy(), ONE_HOT, P),
    (losses.CategoricalCrossentropy(from_logits=True, label_smoothing=0.1), ONE_HOT, REAL),
    (losses.SparseCategoricalCrossentropy(), LABELS, P),
    (losses.SparseCategoricalCrossentropy(from_logits=True, ignore_class=2), LABELS, REAL),
    (losses.BinaryFocalCrossentropy(apply_class_balancing=True), BITS, P),
    (losses.BinaryFocalCrossentropy(gamma=1.5, from_logits=True), BITS, REAL),
    (losses.CategoricalFocalCrossentropy([0.1, 0.2, 0.3, 0.4]), ONE_HOT, P),
    (losses.CategoricalFocalCrossentropy(from_logits=True), ONE_HOT, REAL),
    (losses.CategoricalGeneralizedCrossEntropy(0.7), LABELS, (P + 0.25) / 2),
    (losses.Circle(gamma=2.0), LABELS % 2, UNIT),
    (losses.CTC(), SYMBOLS, STEPS),
    (losses.Dice(), BITS, P),
    (losses.Dice(axis=0), BITS, P),
    (losses.Tversky(0.3, 0.8, axis=-1), BITS, P),
    (losses.Tversky(0.3, 0.8), BITS, P),
    (losses.LossFunction(absolute), OTHER, REAL),
    (losses.LossFunction(absolute_of_batch), OTHER, REAL),
]
every_loss = pytest.mark.parametrize(
    ("loss", "y_true", "y_pred"),
    TABLE,
    ids=[f"{i}_{row[0].log_name}" for i, row in enumerate(TABLE)],
)


def test_values_have_the_dtype_of_the_predictions_whatever_a_loss_of_ones_own_returns():
    class Squares(losses.Loss):
        def call(self, y_true, y_pred):
            return jnp.square(y_true - y_pred.astype(y_true.dtype))[:, 0]

    y_true, y_pred = jnp.zeros((2, 1), jnp.float32), jnp.ones((2, 1), jnp.bfloat16)
    assert Squares().values(y_true, y_pred).dtype == jnp.bfloat16


def test_a_class_without_arguments_of_its_own_has_those_of_keras():
    class Largest(losses.Loss):
        def call(self, y_true, y_pred):
            return jnp.max(jnp.abs(y_true - y_pred))

    loss = Largest("top", reduction="sum")
    assert (loss.name, loss.reduction, Largest().name) == ("top", "sum", "largest")
    assert loss.get_config() == {"name": "top", "reduction": "sum"}
    assert Largest.from_config(loss.get_config()).log_name == "top"


def test_a_function_that_gives_one_number_says_that_it_looks_across_the_batch():
    found = {str(loss.log_name): loss.looks_across(y, p) for loss, y, p in TABLE}
    assert {name for name, across in found.items() if across} == {"absolute_of_batch"}


def test_every_loss_is_in_the_table():
    classes = {
        getattr(losses, name)
        for name in losses.__all__
        if isinstance(getattr(losses, name), type) and name != "Loss"
    }
    assert {type(loss) for loss, _, _ in TABLE} == classes


@every_loss
def test_jit_agrees_with_eager_and_the_loss_is_static(loss, y_true, y_pred):
    step = jax.jit(lambda loss, t, p: loss(t, p), static_argnums=0)
    np.testing.assert_allclose(step(loss, y_true, y_pred), loss(y_true, y_pred), rtol=1e-5)
    assert jax.eval_shape(loss.values, y_true, y_pred).shape[0] == 6


@every_loss
def test_vmap_agrees_with_a_loop(loss, y_true, y_pred):
    true, pred = jnp.stack([y_true, y_true[::-1]]), jnp.stack([y_pred, y_pred])
    valid = jnp.ones((2, 6), bool).at[1, 4:].set(False)
    alone = jax.jit(lambda t, p, v: loss(t, p, valid=v))
    batched = jax.jit(jax.vmap(alone))(true, pred, valid)
    loop = [alone(*row) for row in zip(true, pred, valid, strict=True)]
    np.testing.assert_allclose(batched, np.stack(loop), rtol=1e-5)


@every_loss
@pytest.mark.parametrize(
    ("reduction", "weighted"), [("sum_over_batch_size", False), ("mean_with_sample_weight", True)]
)
def test_padding_changes_neither_the_number_nor_the_gradient(
    loss, y_true, y_pred, reduction, weighted
):
    loss = loss.replace(reduction=reduction)
    weight = jnp.arange(1.0, 7.0) if weighted else None
    padded, filler = pad(y_true), pad(y_pred)
    more = None if weight is None else pad(weight)
    valid = jnp.arange(8) < 6
    plain, slope = slope_of(lambda p: loss(y_true, p, weight), y_pred)
    got, got_slope = slope_of(lambda p: loss(padded, p, more, valid=valid), filler)
    np.testing.assert_allclose(got, plain, rtol=1e-5)
    np.testing.assert_allclose(got_slope[:6], slope, rtol=1e-5, atol=1e-7)
    np.testing.assert_array_equal(got_slope[6:], 0)


def slope_of(fn, x):
    return jax.jit(jax.value_and_grad(fn))(x)


def pad(x):
    filler = jnp.nan if jnp.issubdtype(x.dtype, jnp.floating) else -99
    return jnp.concatenate([x, jnp.full((2, *x.shape[1:]), filler, x.dtype)])


@every_loss
def test_rows_that_are_all_valid_change_nothing(loss, y_true, y_pred):
    whole = loss(y_true, y_pred, valid=jnp.ones(6, bool))
    np.testing.assert_allclose(whole, loss(y_true, y_pred), rtol=1e-6)


@every_loss
def test_gradients_are_those_of_finite_differences(loss, y_true, y_pred):
    # Of probabilities, softmax alone stays where the formula holds; steps of 1e-2 suit float32.
    check_grads(
        jax.jit(lambda p: loss(y_true, p)), (y_pred,), order=1, modes="rev", eps=1e-2, rtol=3e-2
    )


@every_loss
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_the_dtype_of_the_predictions_is_kept(loss, y_true, y_pred, dtype):
    y_pred = y_pred.astype(dtype)
    assert jax.eval_shape(loss.values, y_true, y_pred).dtype == dtype
    value, slope = slope_of(lambda p: loss(y_true, p), y_pred)
    assert value.dtype == dtype and slope.dtype == dtype
    assert bool(jnp.isfinite(value)) and bool(jnp.all(jnp.isfinite(slope)))


@every_loss
def test_configurations_come_back_through_json(loss, y_true, y_pred):
    own = {fn.__name__: fn for fn in (absolute, absolute_of_batch)}
    for given in (loss, loss.replace(dtype="float16", name="mine", reduction="sum")):
        assert losses.deserialize(json.loads(json.dumps(losses.serialize(given))), own) == given


@every_loss
def test_dtype_is_the_dtype_to_compute_in(loss, y_true, y_pred):
    exact = loss.replace(dtype="float32")
    assert exact(y_true, y_pred.astype(jnp.bfloat16)).dtype == jnp.float32


def test_saturated_bfloat16_probabilities_give_finite_losses():
    y_true, y_pred = jnp.array([[0, 1]]), jnp.array([[1, 0]], jnp.bfloat16)
    for loss in (losses.BinaryCrossentropy(), losses.CategoricalCrossentropy()):
        assert 15 < float(loss(y_true, y_pred)) < 17


def test_masked_logits_do_not_become_nan():
    loss = losses.SparseCategoricalCrossentropy(from_logits=True)
    logits = jnp.array([[0.0, 0.0, -jnp.inf]])
    value, slope = jax.value_and_grad(lambda p: loss(jnp.array([1]), p))(logits)
    np.testing.assert_allclose(value, np.log(2), rtol=1e-6)
    np.testing.assert_allclose(slope, [[0.5, -0.5, 0.0]], rtol=1e-6)


def test_all_elements_ignored_is_zero_loss():
    loss = losses.SparseCategoricalCrossentropy(ignore_class=1)
    assert float(loss(jnp.array([1, 1]), jnp.full((2, 3), 1 / 3))) == 0


def test_classes_on_another_axis():
    moved = losses.SparseCategoricalCrossentropy(axis=1)
    y_pred = jax.nn.softmax(jnp.arange(24.0).reshape(2, 3, 4) % 5)
    y_true = jnp.array([[0, 1, 2], [3, 0, 1]])
    last = losses.SparseCategoricalCrossentropy()(y_true, y_pred)
    np.testing.assert_allclose(moved(y_true, jnp.moveaxis(y_pred, -1, 1)), last, rtol=1e-6)
