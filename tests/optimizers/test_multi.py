"""Several optimizers in one: which variable has which, and that none meddles with another's."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jkeras.optimizers import (
    SGD,
    Adam,
    MultiOptimizer,
    OptimizerMap,
    RMSprop,
    final_params,
    scale_loss,
    set_learning_rate,
)

PARAMS = {
    "body": {"bias": jnp.array([0.5, -0.5]), "kernel": jnp.ones((2, 2))},
    "head": {"kernel": jnp.array([[2.0], [3.0]])},
}
GRADS = jax.tree.map(lambda p: 2 * p, PARAMS)


def _updates(rule: Any, grads: Any = GRADS) -> Any:
    return jax.jit(rule.update)(grads, rule.init(PARAMS), PARAMS)


def test_each_variable_moves_as_under_its_own_optimizer() -> None:
    rule = MultiOptimizer(OptimizerMap(SGD(0.1), {"body/.*": Adam(0.5), "head/bias": RMSprop()}))
    updates, state = _updates(rule)
    for part, own in (("body", Adam(0.5)), ("head", SGD(0.1))):
        expected, _ = own.update(GRADS[part], own.init(PARAMS[part]), PARAMS[part])
        jax.tree.map(
            lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-6), updates[part], expected
        )
    assert [set(own.slots) for own in state.states] == [{"momentum", "velocity"}, set()]


def test_clipping_together_stays_within_an_optimizer() -> None:
    rule = MultiOptimizer(
        OptimizerMap(SGD(1.0), {"body/.*": SGD(1.0, global_clipnorm=1.0), "nobody": Adam()})
    )
    updates, _ = _updates(rule)
    norm = np.sqrt(sum(float(jnp.sum(u * u)) for u in jax.tree.leaves(updates["body"])))
    assert norm == pytest.approx(1.0, rel=1e-5)
    np.testing.assert_allclose(updates["head"]["kernel"], [[-4.0], [-6.0]], rtol=1e-6)


def test_a_function_chooses_by_what_it_sees_of_a_variable() -> None:
    seen = []

    def choose(variable: Any) -> Any:
        seen.append((variable.path, variable.name, variable.shape, str(variable.dtype)))
        return SGD(1.0) if "bias" in variable.path else SGD(0.0)

    updates, state = _updates(MultiOptimizer(choose))
    assert seen[:3] == [
        ("body/bias", "bias", (2,), "float32"),
        ("body/kernel", "kernel", (2, 2), "float32"),
        ("head/kernel", "kernel", (2, 1), "float32"),
    ]
    assert updates["body"]["bias"].tolist() == [-1.0, 1.0]
    assert not updates["body"]["kernel"].any() and len(state.states) == 2


def test_an_entry_that_is_the_path_wins_over_one_that_matches() -> None:
    choose = OptimizerMap(SGD(), {"body/.*": Adam(), "body/kernel": RMSprop()})
    assert choose["body/kernel"] == RMSprop() and choose["body/bias"] == Adam()
    assert choose["body"] == SGD()
    assert OptimizerMap(SGD(), {"body": Adam(), "bias": Adam()})["body/bias"] == SGD()
    assert (len(choose), list(choose)) == (2, ["body/.*", "body/kernel"])


def test_the_scale_of_the_loss_is_the_one_of_all() -> None:
    entries = {"head/.*": SGD(0.1, loss_scale_factor=3.0)}
    rule = MultiOptimizer(OptimizerMap(SGD(0.1), entries), loss_scale_factor=4.0)
    updates, state = _updates(rule)
    assert float(scale_loss(jnp.float32(2.0), state)) == 8.0
    plain, state = _updates(MultiOptimizer(OptimizerMap(SGD(0.1), entries)))
    assert float(scale_loss(jnp.float32(2.0), state)) == 2.0
    jax.tree.map(lambda a, b: np.testing.assert_allclose(4 * a, b, rtol=1e-6), updates, plain)


def test_only_the_averages_that_are_kept_become_final() -> None:
    rule = MultiOptimizer(OptimizerMap(SGD(1.0), {"head/.*": SGD(1.0, use_ema=True)}))
    _, state = _updates(rule)
    final = final_params(jax.tree.map(lambda p: p * 0, PARAMS), state)
    np.testing.assert_allclose(final["head"]["kernel"], [[-2.0], [-3.0]])
    assert not final["body"]["kernel"].any()


def test_the_rate_of_each_is_set_in_its_own_state() -> None:
    rule = MultiOptimizer(OptimizerMap(SGD(0.1), {"head/.*": SGD(0.2)}))
    state = rule.init(PARAMS)
    with pytest.raises(ValueError, match=r"got 2\. Set each one in its own part"):
        set_learning_rate(state, 0.5)
    body, head = state.states
    state = state._replace(states=(body, set_learning_rate(head, 0.5)))
    updates, _ = rule.update(GRADS, state, PARAMS)
    np.testing.assert_allclose(updates["head"]["kernel"], [[-2.0], [-3.0]])
    np.testing.assert_allclose(updates["body"]["kernel"], np.full((2, 2), -0.2))


def test_two_entries_for_one_variable_are_refused() -> None:
    with pytest.raises(ValueError) as caught:
        MultiOptimizer(OptimizerMap(SGD(), {"body/.*": SGD(), ".*kernel": SGD()})).init(PARAMS)
    assert str(caught.value) == (
        "OptimizerMap: expected at most one entry that matches 'body/kernel', got 'body/.*', "
        "'.*kernel'. Narrow the expressions, or name the path itself."
    )


def test_a_function_must_return_an_optimizer() -> None:
    with pytest.raises(TypeError) as caught:
        MultiOptimizer(lambda variable: "sgd", name="mine").init(PARAMS)
    assert str(caught.value) == (
        "MultiOptimizer 'mine': expected `optimizer_map` to return an optimizer for 'body/bias', "
        "got 'sgd' (str). Return one such as SGD(0.1)."
    )


def test_entries_cannot_be_added() -> None:
    with pytest.raises(TypeError) as caught:
        OptimizerMap(SGD())["head/.*"] = Adam()
    assert str(caught.value) == (
        "OptimizerMap is a frozen description: entries cannot be added. Make it with all of them: "
        "OptimizerMap(default, {'head/.*': Adam()})."
    )


@pytest.mark.parametrize(
    ("make", "kind", "message"),
    [
        (
            lambda: OptimizerMap("sgd"),
            TypeError,
            "OptimizerMap: `default_optimizer`: expected an optimizer such as SGD(0.1), got 'sgd' "
            "(str).",
        ),
        (
            lambda: OptimizerMap(SGD(), {"head": MultiOptimizer(OptimizerMap(SGD()))}),
            TypeError,
            "OptimizerMap: `optimizer_map`: expected an optimizer such as SGD(0.1), got "
            "MultiOptimizer(optimizer_map=OptimizerMap(default_optimiz... (MultiOptimizer).",
        ),
        (
            lambda: OptimizerMap(SGD(), {1: SGD()}),
            TypeError,
            "OptimizerMap: `optimizer_map`: expected strings as keys, got 1 (int).",
        ),
        (
            lambda: OptimizerMap(SGD(), {"*": SGD()}),
            ValueError,
            "OptimizerMap: `optimizer_map`: expected regular expressions, got '*': nothing to "
            "repeat at position 0.",
        ),
        (
            lambda: MultiOptimizer(SGD()),
            TypeError,
            "MultiOptimizer: `optimizer_map`: expected an OptimizerMap, or a function from a "
            "variable to an optimizer, got SGD() (SGD). For example: OptimizerMap(SGD(), "
            "{'encoder/.*': Adam()}).",
        ),
    ],
)
def test_wrong_arguments_are_refused(make: Any, kind: type[Exception], message: str) -> None:
    with pytest.raises(kind) as caught:
        make()
    assert str(caught.value) == message
