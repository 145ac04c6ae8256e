"""The optimizer of a model: a description that tells training's numbers, and takes the rate."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import jkeras
from jkeras import Sequential, layers
from jkeras.keras_classes.optimizer_view import LiveNumber
from jkeras.optimizers import SGD, Adam, MultiOptimizer, OptimizerMap, schedules
from tests.programs import loops_of

X = np.random.default_rng(0).normal(size=(6, 2)).astype(np.float32)
RUN = {"x": X, "y": X[:, :1], "batch_size": 2, "verbose": 0}


@pytest.fixture(scope="module")
def trained() -> Sequential:
    """A model after three updates."""
    model = Sequential([layers.Dense(1)], seed=0)
    model.compile(Adam(0.25), "mse")
    model.fit(**RUN)
    return model


def unbuilt(optimizer: Any) -> Sequential:
    model = Sequential([layers.Dense(1)], seed=0, name="net")
    model.compile(optimizer, "mse")
    return model


def test_it_is_the_description_for_all_who_ask(trained: Sequential) -> None:
    rule = trained.optimizer
    assert isinstance(rule, Adam) and not isinstance(rule, SGD)
    assert rule == Adam(0.25) and Adam(0.25) == rule and rule != Adam()
    assert hash(rule) == hash(Adam(0.25)) and repr(rule) == "Adam(learning_rate=0.25)"
    assert (rule.beta_1, rule.use_ema, rule.who) == (0.9, False, "Adam")
    assert jax.tree.structure(rule.init(trained.params)) == jax.tree.structure(
        trained.train_state.opt_state
    )


def test_it_tells_and_takes_the_rate_without_compiling(trained: Sequential) -> None:
    program = loops_of(trained, "train")[2]
    trained.optimizer.learning_rate = 0.5
    assert float(trained.optimizer.learning_rate) == trained.learning_rate == 0.5
    trained.optimizer.learning_rate = trained.optimizer.learning_rate * 0.5
    assert trained.learning_rate == 0.25
    trained.optimizer.learning_rate.assign(jnp.float32(0.0))
    before = trained.get_weights()
    trained.fit(**RUN)
    for new, old in zip(trained.get_weights(), before, strict=True):
        np.testing.assert_array_equal(new, old)  # the rate was used
    assert program.traces == 1
    trained.optimizer.learning_rate = 0.25


def test_it_counts_updates_and_lists_variables(trained: Sequential) -> None:
    done = int(trained.optimizer.iterations)
    trained.fit(**RUN)
    assert int(trained.optimizer.iterations) == done + 3 == trained.train_state.opt_state.count
    variables = trained.optimizer.variables
    assert [variable.shape for variable in variables] == [(), ()] + [(1,), (2, 1)] * 2
    assert (variables[0], variables[1]) == (done + 3, 0.25)
    with pytest.raises(AttributeError) as caught:
        trained.optimizer.iterations.assign(0)
    assert str(caught.value) == "iterations is counted by training, and cannot be set."


def test_its_variables_can_be_set_and_go_through_a_loop_of_ones_own(trained: Sequential) -> None:
    optimizer, weights = trained.optimizer, [v.value for v in trained.trainable_variables]
    variables = optimizer.variables
    assert [v.path for v in variables][:2] == ["adam/iteration", "adam/learning_rate"]
    assert variables[2].path == "adam/dense_bias_momentum" and len(variables) == 6
    before = [v.numpy() for v in variables]
    grads = [jnp.ones_like(weight) for weight in weights]
    new = optimizer.stateless_apply([v.value for v in variables], grads, weights)[1]
    for variable, value in zip(variables, new, strict=True):
        variable.assign(value)
    assert int(optimizer.iterations) == int(before[0]) + 1
    np.testing.assert_allclose(variables[2], 0.9 * before[2] + 0.1, rtol=1e-6)
    with pytest.raises(ValueError, match="expected shape"):
        variables[2].assign(np.ones((3, 3)))
    for variable, old in zip(variables, before, strict=True):
        variable.assign(old)
    assert int(optimizer.iterations) == int(before[0])


def test_it_stays_valid_while_training_goes_on(trained: Sequential) -> None:
    rule, rate, count = trained.optimizer, trained.optimizer.learning_rate, trained.optimizer
    before = int(count.iterations)
    trained.fit(**RUN)
    assert int(count.iterations) == before + 3 and float(rate) == 0.25
    assert rule.averaged_params().keys() == trained.params.keys()


def test_the_rate_can_be_set_before_the_model_is_built() -> None:
    model = unbuilt(SGD(0.1))
    assert (float(model.optimizer.learning_rate), model.optimizer.iterations) == (
        np.float32(0.1),
        0,
    )
    assert model.optimizer.variables == []
    model.optimizer.learning_rate = model.optimizer.learning_rate * 5
    assert model.optimizer == SGD(0.5) and not model.built
    model.build((None, 2))
    assert model.learning_rate == 0.5


def test_it_can_be_given_to_another_model(trained: Sequential) -> None:
    model = unbuilt(trained.optimizer)
    model.optimizer.learning_rate = 0.125
    assert (model.learning_rate, trained.learning_rate) == (0.125, 0.25)
    assert model.optimizer != trained.optimizer == unbuilt(trained.optimizer).optimizer


def test_compiling_with_it_again_keeps_the_rate(trained: Sequential) -> None:
    trained.optimizer.learning_rate = 0.5
    assert unbuilt(trained.optimizer).optimizer == Adam(0.5)
    trained.optimizer.learning_rate = 0.25


def test_a_schedule_tells_its_rate() -> None:
    model = unbuilt(SGD(schedules.ExponentialDecay(0.5, decay_steps=3, decay_rate=0.5)))
    assert float(model.optimizer.learning_rate) == 0.5
    model.fit(**RUN)
    assert float(model.optimizer.learning_rate) == 0.25
    assert len(model.optimizer.variables) == 1  # the count


def test_a_transformation_of_optax_stays_itself() -> None:
    rule = optax.sgd(0.1)
    assert unbuilt(rule).optimizer is rule


def test_several_optimizers_have_no_common_rate() -> None:
    model = unbuilt(MultiOptimizer(OptimizerMap(SGD(0.1), {".*bias": SGD(1.0)})))
    assert isinstance(model.optimizer, MultiOptimizer)
    with pytest.raises(AttributeError) as caught:
        model.optimizer.learning_rate  # noqa: B018
    assert str(caught.value) == (
        "MultiOptimizer has no `learning_rate`: each of its optimizers has its own. Read or set it "
        "there: model.optimizer.optimizers[0].learning_rate = 0.01, once the model is built."
    )


def fixed() -> Sequential:
    return unbuilt(SGD(schedules.ExponentialDecay(0.5, 3, 0.5)))


NOT_SETTABLE = (
    "set_learning_rate: expected an optimizer with a number as its `learning_rate`, got one with a "
    "schedule, which sets the rate at every step. To set it by hand, make the optimizer with a "
    "number: Adam(learning_rate=0.001)."
)
WRONG = [
    (lambda: set_rate(fixed(), 0.1), TypeError, NOT_SETTABLE),
    (
        lambda: set_rate(unbuilt(SGD()), -1.0),
        ValueError,
        "set_learning_rate: expected `value` to be a number of at least 0, got -1.0 (float).",
    ),
    (
        lambda: set_rate(unbuilt(SGD()), "fast"),
        TypeError,
        "set_learning_rate: expected `value` to be a number, got 'fast' (str).",
    ),
    (
        lambda: setattr(unbuilt(SGD()).optimizer, "momentum", 0.5),
        AttributeError,
        "SGD is a frozen description: `momentum` cannot be set. Make a changed copy instead: "
        "x = x.replace(momentum=0.5).",
    ),
    (
        lambda: Sequential([layers.Dense(1)], name="net").optimizer,
        ValueError,
        "Sequential 'net': `optimizer` needs a compiled model. Call compile(optimizer='adam', "
        "loss='mse') first.",
    ),
]


def set_rate(model: jkeras.Trainer, value: Any) -> None:
    model.optimizer.learning_rate = value


@pytest.mark.parametrize(("use", "kind", "message"), WRONG)
def test_wrong_uses_are_told_what_to_do(use: Any, kind: type, message: str) -> None:
    with pytest.raises(kind) as caught:
        use()
    assert str(caught.value) == message


def test_a_number_computes_compares_and_prints_as_numpy_does() -> None:
    cell = [np.float32(0.5)]
    number = LiveNumber("rate", lambda: cell[0])
    assert (number + 1, 1 - number, number**2, -number) == (1.5, 0.5, 0.25, -0.5)
    assert number == 0.5 and number < 1 and number >= np.float32(0.5) and bool(number)
    assert (number.shape, number.dtype, number.numpy(), hash(number)) == (
        (), np.float32, 0.5, hash(np.float32(0.5)),
    )  # fmt: skip
    assert (repr(number), str(round(number)), f"{number:.2e}") == ("<rate: 0.5>", "0", "5.00e-01")
    np.testing.assert_array_equal(np.ones(2) * number, [0.5, 0.5])
    assert jnp.asarray(number).dtype == jnp.float32
    cell[0] = np.float32(0.25)
    assert float(number) == 0.25
    assert list(range(3))[LiveNumber("count", lambda: np.int32(2))] == 2


def test_its_config_has_the_rate_as_it_is_now(trained: Sequential) -> None:
    config = trained.optimizer.get_config()
    assert config == Adam(0.25).get_config()
    trained.optimizer.learning_rate = 0.125
    assert trained.optimizer.get_config() == {**config, "learning_rate": 0.125}
    assert trained.optimizer.__class__.from_config(trained.optimizer.get_config()) == Adam(0.125)
    trained.optimizer.learning_rate = 0.25
