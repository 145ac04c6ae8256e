"""Variables that weight decay leaves out, and averages that become the weights."""

import jax.numpy as jnp
import numpy as np
import pytest

from jkeras import Input, Sequential, Variable, layers
from jkeras.optimizers import SGD, AdamW

X = np.random.default_rng(0).normal(size=(32, 3)).astype(np.float32)
Y = X.sum(1, keepdims=True)


@pytest.mark.parametrize("by", ["name", "variable", "a model's optimizer", "path in a model"])
def test_what_is_excluded_does_not_decay(by: str) -> None:
    """After one step the excluded one is p - r, another one (1 - 0.05) p - r: Adam's first step r
    does not depend on the size of the gradient.
    """
    kernel = np.full((3, 1), 9.0, np.float32)
    model = Sequential([Input((3,)), layers.Dense(1, name="d")])
    model.set_weights([kernel, np.ones(1)])
    rule = AdamW(0.1, weight_decay=0.5)
    if by == "name":
        rule.exclude_from_weight_decay(var_names="^bias$")
    elif by == "variable":
        rule.exclude_from_weight_decay([model.layers[0].bias])
    elif by == "path in a model":
        outer = Sequential([Input((3,)), model])
        rule.exclude_from_weight_decay([model.weights[1]])
        model = outer
    model.compile(rule, "mse")
    if by == "a model's optimizer":
        model.optimizer.exclude_from_weight_decay(var_names=["bias"])
    model.fit(X, Y, batch_size=32, verbose=0)
    got = model.get_weights()
    sign = np.sign(9.0 * 0.95 - got[0])
    np.testing.assert_allclose(got[0], 9.0 * 0.95 - 0.1 * sign, rtol=1e-5)
    assert round(abs(float(got[1][0]) - 1), 4) == 0.1
    if by == "a model's optimizer":
        with pytest.raises(ValueError, match="before its first update"):
            model.optimizer.exclude_from_weight_decay(var_names=["bias"])


def test_exclusions_belong_to_the_description() -> None:
    rule, plain = AdamW(0.1), AdamW(0.1)
    rule.exclude_from_weight_decay(var_names=["bias"])
    assert rule != plain and AdamW.from_config(rule.get_config()) == rule
    assert "no_weight_decay" not in plain.get_config()
    rule.exclude_from_weight_decay()
    assert rule == plain


def test_variables_of_one_name_are_told_apart() -> None:
    one, other = Variable([1.0]), Variable([1.0])
    rule = SGD(0.1, weight_decay=0.5)
    rule.exclude_from_weight_decay([one])
    rule.apply([jnp.zeros(1)] * 2, [one, other])
    np.testing.assert_allclose([one.numpy()[0], other.numpy()[0]], [1.0, 0.95], rtol=1e-6)
    with pytest.raises(ValueError, match="expected an optimizer that is not built"):
        rule.exclude_from_weight_decay(var_names=["bias"])


@pytest.mark.parametrize(
    ("arguments", "error", "match"),
    [
        (([np.ones(2)],), TypeError, "expected variables, got"),
        ((None, ["("]), ValueError, "no_weight_decay"),
        ((None, [3]), TypeError, "expected names such as 'bias'"),
    ],
)
def test_wrong_exclusions(arguments: tuple, error: type, match: str) -> None:
    with pytest.raises(error, match=match):
        AdamW().exclude_from_weight_decay(*arguments)


@pytest.mark.parametrize("given", [0, "bias", ["bias"], ["ab", "cd"], [["bias"], "kernel"]])
def test_wrong_exclusions_as_an_argument(given: object) -> None:
    match = r"`no_weight_decay`: expected two lists, of names and of paths, got .*exclude_from_w"
    with pytest.raises(TypeError, match=match):
        AdamW(no_weight_decay=given)


def test_averages_become_the_weights() -> None:
    variable = Variable([0.0])
    rule = SGD(1.0, use_ema=True, ema_momentum=0.5)
    rule.finalize_variable_values([variable])
    for _ in range(2):
        rule.apply([jnp.ones(1)], [variable])
    assert variable.numpy().tolist() == [-2.0]
    rule.finalize_variable_values([variable])
    assert variable.numpy().tolist() == [-1.5]
    model = Sequential([Input((3,)), layers.Dense(1)])
    model.compile(SGD(0.1, use_ema=True, ema_momentum=0.5), "mse")
    model.train_on_batch(X, Y)
    model.train_on_batch(X, Y)
    expected = model.optimizer.averaged_params()
    model.optimizer.finalize_variable_values(model.trainable_variables)
    np.testing.assert_array_equal(model.get_weights()[0], expected["dense"]["kernel"])
