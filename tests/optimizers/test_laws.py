"""The laws of every optimizer: one table of rules, crossed with what an optimizer promises."""

import functools
import json
import pickle
from typing import Any

import flax.serialization
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from jkeras import optimizers
from jkeras.optimizers import (
    SGD,
    Adadelta,
    Adafactor,
    Adagrad,
    Adam,
    Adamax,
    AdamW,
    Ftrl,
    Lamb,
    Lion,
    MultiOptimizer,
    Muon,
    Nadam,
    OptimizerMap,
    RMSprop,
    ScheduleFreeAdamW,
    apply_updates,
    final_params,
    set_learning_rate,
)
from jkeras.optimizers.schedules import CosineDecay

# Every class, with the arguments that change what is computed.
RULES = [
    SGD(0.1),
    SGD(0.1, momentum=0.9, clipvalue=0.5),
    SGD(0.1, momentum=0.9, nesterov=True, weight_decay=0.1),
    SGD(CosineDecay(0.1, 5), clipnorm=1.0),
    RMSprop(0.1),
    RMSprop(0.1, momentum=0.9, centered=True, global_clipnorm=1.0),
    Adadelta(1.0, epsilon=0.01),
    Adafactor(0.1),
    Adagrad(0.1),
    Adam(0.1),
    Adam(0.1, amsgrad=True),
    Adamax(0.1),
    AdamW(0.1),
    AdamW(CosineDecay(0.1, 5)),
    Ftrl(0.1, l1_regularization_strength=0.1),
    Lamb(0.1),
    Lion(0.1),
    Muon(0.1, exclude_layers=["out"], ns_steps=2),
    Nadam(0.1),
    ScheduleFreeAdamW(0.1, warmup_steps=2),
    Adam(0.1, use_ema=True, ema_momentum=0.5, ema_overwrite_frequency=2),
    Lamb(0.1, gradient_accumulation_steps=2, use_ema=True, weight_decay=0.1),
    Muon(CosineDecay(0.1, 5), ns_steps=1, gradient_accumulation_steps=2, loss_scale_factor=2.0),
]
MULTI = MultiOptimizer(
    OptimizerMap(
        Nadam(0.1), {"dense/.*": Muon(0.05, ns_steps=1, use_ema=True), "out/kernel": Adafactor(0.1)}
    )
)
every_rule = pytest.mark.parametrize("rule", [*RULES, MULTI], ids=repr)
with_a_number = pytest.mark.parametrize(
    "rule", [rule for rule in RULES if not callable(rule.learning_rate)], ids=repr
)


def _params(dtype: Any = jnp.float32) -> dict[str, Any]:
    # The last layer's vectors have an element each, so that no sign hangs on a rounding.
    kernels = [jax.random.normal(jax.random.key(i), (3, 2)).astype(dtype) for i in range(2)]
    return {
        "dense": {"kernel": kernels[0], "bias": jnp.full(2, 0.5, dtype)},
        "out": {"kernel": kernels[1], "scale": jnp.ones((), dtype)},
    }


def _grads(params: Any, step: int) -> Any:
    return jax.tree.map(lambda p: jnp.cos(p + step).astype(p.dtype), params)


@functools.cache
def _compiled(update: Any) -> Any:
    """`jax.jit` of an update, once for all tests: compiling is most of what they cost."""
    return jax.jit(update)


def _run(
    rule: Any, params: Any, state: Any, *, steps: int = 4, compiled: bool = True
) -> tuple[Any, Any]:
    update = _compiled(rule.update) if compiled else rule.update
    for step in range(steps):
        updates, state = update(_grads(params, step), state, params)
        params = apply_updates(params, updates)
    return params, state


def _assert_close(got: Any, expected: Any, rtol: float = 1e-5) -> None:
    assert jax.tree.structure(got) == jax.tree.structure(expected)
    for a, b in zip(jax.tree.leaves(got), jax.tree.leaves(expected), strict=True):
        np.testing.assert_allclose(a, b, rtol=rtol, atol=1e-6)


def test_the_table_holds_every_exported_optimizer() -> None:
    classes = {name for name in optimizers.__all__ if name[0].isupper()}
    others = {"MultiState", "Optimizer", "OptimizerMap", "OptimizerState", "Scheduled"}
    others |= {"LossScaleOptimizer", "LossScaleState"}  # test_loss_scale.py has its laws
    assert {type(rule).__name__ for rule in [*RULES, MULTI]} == classes - others


@every_rule
def test_jit_agrees_with_eager(rule: Any) -> None:
    params = _params()
    _assert_close(
        _run(rule, params, rule.init(params), steps=2),
        _run(rule, params, rule.init(params), steps=2, compiled=False),
    )


@every_rule
def test_a_scan_equals_a_loop(rule: Any) -> None:
    params = _params()

    def body(carry: Any, step: Any) -> tuple[Any, None]:
        params, state = carry
        grads = jax.tree.map(lambda p: jnp.cos(p + step), params)
        updates, state = rule.update(grads, state, params)
        return (apply_updates(params, updates), state), None

    scanned, _ = jax.lax.scan(body, (params, rule.init(params)), jnp.arange(4.0))
    _assert_close(scanned, _run(rule, params, rule.init(params)))


@every_rule
def test_structure_shapes_and_dtypes_of_the_state_are_constant(rule: Any) -> None:
    params = _params()
    state = rule.init(params)
    updates, new = jax.eval_shape(rule.update, params, state, params)
    assert jax.tree.structure(new) == jax.tree.structure(state)
    described = [(leaf.shape, leaf.dtype) for leaf in jax.tree.leaves(new)]
    assert described == [(leaf.shape, leaf.dtype) for leaf in jax.tree.leaves(state)]
    assert jax.tree.structure(updates) == jax.tree.structure(params)


@every_rule
def test_no_two_arrays_share_a_buffer_so_that_they_can_be_donated(rule: Any) -> None:
    params = _params()
    for init in (rule.init, jax.jit(rule.init)):
        leaves = [*jax.tree.leaves(params), *jax.tree.leaves(init(params))]
        assert len({leaf.unsafe_buffer_pointer() for leaf in leaves}) == len(leaves)


@every_rule
def test_narrow_parameters_keep_their_dtype_and_move(rule: Any) -> None:
    dtype = jnp.bfloat16
    params = _params(dtype)
    trained, state = _run(rule, params, rule.init(params))
    assert {leaf.dtype for leaf in jax.tree.leaves(trained)} == {jnp.dtype(dtype)}
    assert jnp.dtype(dtype) not in {leaf.dtype for leaf in jax.tree.leaves(state)}
    wide, _ = _run(rule, _params(), rule.init(_params()))
    moved = jax.tree.map(lambda a, b: a.astype(jnp.float32) - b, trained, _params())
    expected = jax.tree.map(lambda a, b: a - b, wide, _params())
    for a, b in zip(jax.tree.leaves(moved), jax.tree.leaves(expected), strict=True):
        np.testing.assert_allclose(a, b, rtol=0.1, atol=0.03)


@every_rule
def test_wide_parameters_have_wide_arithmetic(rule: Any) -> None:
    """In float64, alone or beside float32, a step agrees with float32 to its rounding."""
    with jax.enable_x64(True):
        params = jax.tree.map(lambda p: p.astype(jnp.float64), _params())
        mixed = {**params, "out": _params()["out"]}
        for some in (params, mixed):
            state = rule.init(some)
            kinds = [leaf.dtype for leaf in jax.tree.leaves(state)]
            trained, state = _run(rule, some, state, steps=1)
            assert kinds == [leaf.dtype for leaf in jax.tree.leaves(state)]
            assert [x.dtype for x in jax.tree.leaves(trained)] == [
                x.dtype for x in jax.tree.leaves(some)
            ]
            narrow, _ = _run(rule, _params(), rule.init(_params()), steps=1)
            for a, b in zip(jax.tree.leaves(trained), jax.tree.leaves(narrow), strict=True):
                np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-4)


@every_rule
def test_wide_gradients_of_narrow_parameters_are_taken(rule: Any) -> None:
    params = _params(jnp.bfloat16)
    grads = jax.tree.map(lambda p: p.astype(jnp.float32), params)
    updates, _ = rule.update(grads, rule.init(params), params)
    assert {leaf.dtype for leaf in jax.tree.leaves(updates)} == {jnp.dtype(jnp.bfloat16)}


@every_rule
def test_nothing_to_train_is_no_error(rule: Any) -> None:
    state = rule.init({})
    updates, new = jax.jit(rule.update)({}, state, {})
    assert updates == {} and jax.tree.structure(new) == jax.tree.structure(state)
    assert final_params({}, new) == {}


@every_rule
def test_a_state_that_was_saved_and_loaded_goes_on_alike(rule: Any) -> None:
    params, state = _run(rule, _params(), rule.init(_params()), steps=2)
    stored = flax.serialization.to_bytes(state)
    loaded = flax.serialization.from_bytes(rule.init(_params()), stored)
    assert jax.tree.structure(loaded) == jax.tree.structure(state)
    jax.tree.map(
        np.testing.assert_array_equal, _run(rule, params, loaded), _run(rule, params, state)
    )


@every_rule
def test_equal_descriptions_are_equal_hash_alike_and_pickle(rule: Any) -> None:
    again = rule.replace()
    assert again == rule and hash(again) == hash(rule)
    assert pickle.loads(pickle.dumps(rule)) == rule
    assert rule.replace(loss_scale_factor=3.0) != rule


@every_rule
def test_configurations_come_back_through_json(rule: Any) -> None:
    assert optimizers.deserialize(json.loads(json.dumps(optimizers.serialize(rule)))) == rule


@every_rule
def test_the_repr_makes_the_rule_again(rule: Any) -> None:
    names = {**vars(optimizers), "CosineDecay": CosineDecay}
    assert eval(repr(rule), names) == rule


@pytest.mark.parametrize("rule", [SGD(0.1, momentum=0.9), RULES[-1], MULTI], ids=repr)
def test_a_rule_is_an_optax_transformation_and_chains(rule: Any) -> None:
    params = _params()
    chained = optax.chain(optax.scale(1.0), rule)
    _assert_close(
        _run(chained, params, chained.init(params))[0],
        _run(rule.transformation(), params, rule.init(params))[0],
    )


@every_rule
def test_parameters_are_needed(rule: Any) -> None:
    with pytest.raises(ValueError) as caught:
        rule.update(_params(), rule.init(_params()))
    assert str(caught.value) == (
        f"{type(rule).__name__}: expected `params`, got None. "
        "Pass them: update(grads, state, params)."
    )


@with_a_number
def test_a_sweep_over_rates_is_one_vmap(rule: Any) -> None:
    params, rates = _params(), jnp.array([0.05, 0.3])
    traces = []

    def train(rate: Any) -> Any:
        traces.append(rate)
        state = set_learning_rate(rule.init(params), rate)
        return _run(rule, params, state, steps=2, compiled=False)[0]

    sweep = jax.jit(jax.vmap(train))
    swept = sweep(rates)
    sweep(rates + 0.1)
    assert len(traces) == 1
    for i, rate in enumerate([0.05, 0.3]):
        alone, _ = _run(rule, params, set_learning_rate(rule.init(params), rate), steps=2)
        _assert_close(jax.tree.map(lambda leaf, i=i: leaf[i], swept), alone)


@pytest.mark.parametrize(
    ("rule", "name"),
    [
        (SGD(momentum=0.9), "momentum"),
        (RMSprop(momentum=0.9), "momentum"),
        (Muon(ns_steps=1), "momentum"),
        (Muon(ns_steps=1), "adam_weight_decay"),
        (Muon(ns_steps=1), "weight_decay"),
        (AdamW(), "weight_decay"),
        (Adam(loss_scale_factor=8.0, epsilon=0.1), "loss_scale_factor"),
        (Lion(weight_decay=0.1), "weight_decay"),
    ],
    ids=repr,
)
def test_other_numbers_in_the_state_are_used(rule: Any, name: str) -> None:
    params = _params()
    state = rule.init(params)
    state = state._replace(hyperparams={**state.hyperparams, name: jnp.float32(0.25)})
    other = rule.replace(**{name: 0.25})
    expected, _ = _run(other, params, other.init(params))
    _assert_close(_run(rule, params, state)[0], expected)
    before, _ = _run(rule, params, rule.init(params))
    moved = jax.tree.map(lambda a, b: np.abs(a - b).max(), before, expected)
    assert max(jax.tree.leaves(moved)) > 1e-5
