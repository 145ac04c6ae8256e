"""From words, classes, objects and functions to losses."""

import jax
import jax.numpy as jnp
import pytest

from jkeras import losses, metrics


@pytest.mark.parametrize(
    ("identifier", "expected"),
    [
        ("mse", losses.MeanSquaredError(name="mse")),
        ("MAE", losses.MeanAbsoluteError(name="MAE")),
        ("mean_squared_error", losses.MeanSquaredError()),
        ("MeanSquaredError", losses.MeanSquaredError()),
        ("huber", losses.Huber(name="huber")),
        ("Huber", losses.Huber(name="huber_loss")),
        ("BCE", losses.BinaryCrossentropy(name="BCE")),
        (losses.Huber, losses.Huber()),
        (losses.Huber(2.0), losses.Huber(2.0)),
        (losses.mse, losses.MeanSquaredError()),
        (abs, losses.LossFunction(abs)),
    ],
)
def test_what_means_which_loss(identifier, expected):
    assert losses.get(identifier) == expected
    assert hash(losses.get(identifier)) == hash(expected)


@pytest.mark.parametrize("name", losses.__all__)
def test_every_public_loss_resolves_by_its_name(name):
    found = getattr(losses, name)
    words = ("Loss", "LossFunction", "deserialize", "get", "reduce_weighted", "resolve")
    if name not in (*words, "logcosh", "kullback_leibler_divergence", "serialize"):
        made = found() if isinstance(found, type) else losses.get(found)
        assert type(losses.get(name)) is type(made)


def test_a_misspelt_name_gets_the_nearest():
    with pytest.raises(ValueError) as raised:
        losses.get("sparse_categorical_crossentrpy")
    assert str(raised.value) == (
        "unknown loss 'sparse_categorical_crossentrpy'. Did you mean "
        "'sparse_categorical_crossentropy'? Known: bce, binary_crossentropy, "
        "binary_focal_crossentropy, categorical_crossentropy, categorical_focal_crossentropy, "
        "categorical_generalized_cross_entropy, categorical_hinge, circle, cosine_similarity, ctc, "
        "dice, hinge, huber, kl_divergence, kld, log_cosh, mae, mape, mean_absolute_error, "
        "mean_absolute_percentage_error, mean_squared_error, mean_squared_logarithmic_error, mse, "
        "msle, poisson, sparse_categorical_crossentropy, squared_hinge, tversky."
    )


def test_a_number_is_no_loss():
    with pytest.raises(TypeError) as raised:
        losses.get(3)
    assert str(raised.value) == (
        "expected a loss: a name, a Loss, a class of losses or a function (y_true, y_pred), got "
        '3 (int). For example loss="mse".'
    )


def test_a_metric_is_no_loss():
    with pytest.raises(TypeError) as raised:
        losses.get(metrics.AUC())
    assert str(raised.value) == (
        "expected a loss, got the metric AUC() (AUC). Pass it to compile(metrics=[...])."
    )


def test_crossentropy_waits_for_the_shapes():
    y_true, y_pred = jnp.zeros(8), jnp.zeros((8, 3))
    assert losses.resolve("ce", y_true, y_pred) == losses.SparseCategoricalCrossentropy(name="ce")
    assert losses.resolve("mse", y_true, y_pred) == losses.get("mse")
    waiting = losses.get("ce")
    assert (waiting.log_name, waiting.independent) == ("ce", True)
    weight = jnp.arange(8.0)
    sparse = losses.SparseCategoricalCrossentropy(from_logits=False)
    assert waiting(y_true, y_pred + 1, weight) == sparse(y_true, y_pred + 1, weight)
    assert waiting.parts(y_true, y_pred + 1)[0] == sparse.parts(y_true, y_pred + 1)[0]
    assert waiting.values(y_true, y_pred + 1).tolist() == sparse.values(y_true, y_pred + 1).tolist()
    with pytest.raises(ValueError, match="from 0 to 2"):
        waiting.check_data(y_true + 3, jax.ShapeDtypeStruct((8, 3), jnp.float32))


def test_positional_arguments_stand_in_the_order_of_keras():
    assert losses.MeanSquaredError("sum", "m").reduction == "sum"
    loss = losses.SparseCategoricalCrossentropy(True, 2, "sum", 1, "s")
    assert (loss.from_logits, loss.ignore_class, loss.axis, loss.name) == (True, 2, 1, "s")
    loss = losses.BinaryCrossentropy(True, 0.1, 1, "none", "b", "bfloat16")
    assert (loss.axis, loss.reduction, loss.name, loss.dtype) == (1, None, "b", jnp.bfloat16)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: losses.Huber(0), "Huber: expected `delta` > 0, got 0. Keras uses delta=1.0."),
        (
            lambda: losses.BinaryCrossentropy(label_smoothing=1.5),
            "BinaryCrossentropy: expected `label_smoothing` between 0 and 1, got 1.5. "
            "A usual value is 0.1.",
        ),
    ],
)
def test_arguments_out_of_range_are_refused(make, message):
    with pytest.raises(ValueError) as raised:
        make()
    assert str(raised.value) == message


def test_dtype_is_floating():
    with pytest.raises(TypeError) as raised:
        losses.MeanSquaredError(dtype="int32")
    assert str(raised.value) == (
        "MeanSquaredError: `dtype`: expected a floating dtype such as \"float32\", got 'int32'."
    )


def test_a_function_gives_one_value_an_example():
    def over_the_batch(y_true, y_pred):
        return jnp.mean(jnp.abs(y_true - y_pred), axis=0)

    with pytest.raises(ValueError) as raised:
        jax.eval_shape(losses.get(over_the_batch), jnp.zeros((4, 3)), jnp.zeros((4, 3)))
    assert str(raised.value) == (
        "over_the_batch: expected the function to return one value an example, shape (4,), or one "
        "number, got shape (3,). Take the mean over every axis but the first."
    )


def test_a_number_for_the_batch_is_weighted_as_in_keras():
    loss = losses.get(lambda y_true, y_pred: jnp.mean(y_true - y_pred))
    weight = jnp.array([1.0, 2.0, 3.0])
    assert float(loss(jnp.full((3, 1), 2.0), jnp.zeros((3, 1)), weight)) == 4.0


def test_a_loss_without_a_formula_says_what_to_write():
    class Empty(losses.Loss):
        pass

    with pytest.raises(NotImplementedError) as raised:
        Empty()(jnp.zeros((2, 1)), jnp.zeros((2, 1)))
    assert str(raised.value) == (
        "Empty: expected a method `call(self, y_true, y_pred)` that returns one value an example, "
        "[batch, ...], and the class defines none."
    )
