"""The update rules against Keras, and each rule against every law."""

import json
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from jkeras import optimizers
from jkeras.optimizers import SGD, Adam, AdamW, RMSprop, apply_updates, set_learning_rate
from jkeras.optimizers.schedules import CosineDecay

GOLDEN = np.load(Path(__file__).parents[1] / "golden" / "optimizers.npz")
CASES = json.loads(str(GOLDEN["cases"]))
REGENERATE = "regenerate with: python tests/golden/make_optimizers.py"

# Every class, with the arguments that change what is computed.
RULES = [
    SGD(0.1),
    SGD(0.1, momentum=0.9, clipvalue=0.5),
    SGD(0.1, momentum=0.9, nesterov=True, weight_decay=0.1),
    SGD(CosineDecay(0.1, 5), clipnorm=1.0),
    RMSprop(0.1),
    RMSprop(0.1, momentum=0.9, centered=True, global_clipnorm=1.0),
    Adam(0.1),
    Adam(0.1, amsgrad=True),
    AdamW(0.1),
    AdamW(CosineDecay(0.1, 5)),
]
each_rule = pytest.mark.parametrize("rule", RULES, ids=repr)


def _argument(value: Any) -> Any:
    if isinstance(value, dict):
        kind, arguments = value["schedule"]
        return getattr(optimizers.schedules, kind)(**arguments)
    return value


def _params(dtype: Any = jnp.float32) -> dict[str, Any]:
    kernel = jax.random.normal(jax.random.key(0), (3, 2)).astype(dtype)
    return {"dense": {"kernel": kernel, "bias": jnp.zeros(2, dtype)}, "scale": jnp.ones((), dtype)}


def _grads(params: Any, step: int) -> Any:
    return jax.tree.map(lambda p: jnp.cos(p + step).astype(p.dtype), params)


def _run(
    rule: Any, params: Any, state: Any, *, steps: int = 4, compiled: bool = True
) -> tuple[Any, Any]:
    update = jax.jit(rule.update) if compiled else rule.update
    for step in range(steps):
        updates, state = update(_grads(params, step), state, params)
        params = apply_updates(params, updates)
    return params, state


def _assert_close(got: Any, expected: Any, rtol: float = 1e-5) -> None:
    assert jax.tree.structure(got) == jax.tree.structure(expected)
    for a, b in zip(jax.tree.leaves(got), jax.tree.leaves(expected), strict=True):
        np.testing.assert_allclose(a, b, rtol=rtol, atol=1e-7)


@pytest.mark.parametrize("case", CASES)
def test_twenty_steps_follow_keras(case: str) -> None:
    kind, arguments = CASES[case]
    rule = getattr(optimizers, kind)(**{name: _argument(v) for name, v in arguments.items()})
    params = [jnp.asarray(GOLDEN[f"params/{i}"]) for i in range(3)]
    state, update = rule.init(params), jax.jit(rule.update)
    for step in range(20):
        grads = [jnp.asarray(GOLDEN[f"grads/{i}"][step]) for i in range(3)]
        updates, state = update(grads, state, params)
        params = apply_updates(params, updates)
        for i, param in enumerate(params):
            expected = GOLDEN[f"case/{case}/{i}"][step]
            # atol: a variable that crosses zero keeps the rounding of its earlier, larger values.
            np.testing.assert_allclose(
                param, expected, rtol=1e-6, atol=4e-6, err_msg=f"step {step}; {REGENERATE}"
            )


def test_the_goldens_move_more_than_the_tolerance() -> None:
    for case in CASES:
        moved = np.abs(GOLDEN[f"case/{case}/0"][-1] - GOLDEN["params/0"])
        assert moved.ravel()[1:].max() > 1e-3, case


@each_rule
def test_jit_agrees_with_eager(rule: Any) -> None:
    params = _params()
    _assert_close(
        _run(rule, params, rule.init(params)),
        _run(rule, params, rule.init(params), compiled=False),
    )


@each_rule
def test_a_scan_equals_a_loop(rule: Any) -> None:
    params = _params()

    def body(carry: Any, step: Any) -> tuple[Any, None]:
        params, state = carry
        grads = jax.tree.map(lambda p: jnp.cos(p + step), params)
        updates, state = rule.update(grads, state, params)
        return (apply_updates(params, updates), state), None

    scanned, _ = jax.lax.scan(body, (params, rule.init(params)), jnp.arange(4.0))
    _assert_close(scanned, _run(rule, params, rule.init(params)))


@each_rule
def test_structure_shapes_and_dtypes_of_the_state_are_constant(rule: Any) -> None:
    params = _params()
    state = rule.init(params)
    updates, new = jax.eval_shape(rule.update, params, state, params)
    assert jax.tree.structure(new) == jax.tree.structure(state)
    described = [(leaf.shape, leaf.dtype) for leaf in jax.tree.leaves(new)]
    assert described == [(leaf.shape, leaf.dtype) for leaf in jax.tree.leaves(state)]
    assert jax.tree.structure(updates) == jax.tree.structure(params)


@each_rule
def test_narrow_parameters_keep_their_dtype_and_move(rule: Any) -> None:
    dtype = jnp.bfloat16
    params = _params(dtype)
    trained, state = _run(rule, params, rule.init(params))
    assert {leaf.dtype for leaf in jax.tree.leaves(trained)} == {jnp.dtype(dtype)}
    assert {leaf.dtype for leaf in jax.tree.leaves(state.slots)} <= {jnp.dtype("float32")}
    wide, _ = _run(rule, _params(), rule.init(_params()))
    moved = jax.tree.map(lambda a, b: a.astype(jnp.float32) - b, trained, _params())
    expected = jax.tree.map(lambda a, b: a - b, wide, _params())
    for a, b in zip(jax.tree.leaves(moved), jax.tree.leaves(expected), strict=True):
        np.testing.assert_allclose(a, b, rtol=0.1, atol=0.03)


@each_rule
def test_equal_descriptions_are_equal_and_hash_alike(rule: Any) -> None:
    again = rule.replace()
    assert again == rule and hash(again) == hash(rule)
    assert rule.replace(clipnorm=None, clipvalue=None, global_clipnorm=3.0) != rule


@each_rule
def test_the_repr_makes_the_rule_again(rule: Any) -> None:
    names = {**vars(optimizers), "CosineDecay": CosineDecay}
    assert eval(repr(rule), names) == rule


@each_rule
def test_a_rule_is_an_optax_transformation_and_chains(rule: Any) -> None:
    params = _params()
    chained = optax.chain(optax.scale(1.0), rule)
    _assert_close(
        _run(chained, params, chained.init(params))[0],
        _run(rule.transformation(), params, rule.init(params))[0],
    )


@pytest.mark.parametrize("rule", [r for r in RULES if not callable(r.learning_rate)], ids=repr)
def test_a_sweep_over_rates_is_one_vmap(rule: Any) -> None:
    params, rates = _params(), jnp.array([0.0, 0.3])
    traces = []

    def train(rate: Any) -> Any:
        traces.append(rate)
        return _run(rule, params, set_learning_rate(rule.init(params), rate), steps=2)[0]

    sweep = jax.jit(jax.vmap(train))
    swept = sweep(rates)
    sweep(rates + 0.1)
    assert len(traces) == 1
    for i, rate in enumerate([0.0, 0.3]):
        alone = rule.replace(learning_rate=rate)
        _assert_close(
            jax.tree.map(lambda leaf, i=i: leaf[i], swept),
            _run(alone, params, alone.init(params), steps=2)[0],
        )


@pytest.mark.parametrize(
    ("rule", "name"),
    [
        (SGD(momentum=0.9), "momentum"),
        (RMSprop(momentum=0.9), "momentum"),
        (AdamW(), "weight_decay"),
    ],
    ids=repr,
)
def test_other_numbers_in_the_state_are_used(rule: Any, name: str) -> None:
    params = _params()
    state = rule.init(params)
    state = state._replace(hyperparams={**state.hyperparams, name: jnp.float32(0.25)})
    other = rule.replace(**{name: 0.25})
    _assert_close(_run(rule, params, state)[0], _run(other, params, other.init(params))[0])


def test_plain_sgd_keeps_no_slots_and_momentum_zero_has_no_number() -> None:
    state = SGD().init(_params())
    assert state.slots == {} and set(state.hyperparams) == {"learning_rate"}
    assert set(SGD(momentum=0.9, weight_decay=0.1).init(_params()).hyperparams) == {
        "learning_rate",
        "momentum",
        "weight_decay",
    }


def test_nesterov_without_momentum_is_plain_descent_as_in_keras() -> None:
    params = _params()
    a, b = SGD(0.1, nesterov=True), SGD(0.1)
    _assert_close(_run(a, params, a.init(params))[0], _run(b, params, b.init(params))[0])


def test_amsgrad_never_lets_the_divisor_fall() -> None:
    rule, params = Adam(beta_2=0.5, amsgrad=True), {"kernel": jnp.ones(())}
    state = rule.init(params)
    largest = []
    for gradient in (3.0, 0.0, 0.0):
        _, state = rule.update({"kernel": jnp.float32(gradient)}, state, params)
        largest.append(float(state.slots["velocity_hat"]["kernel"]))
    assert largest == [4.5, 4.5, 4.5]
    assert float(state.slots["velocity"]["kernel"]) == 1.125


def test_defaults_are_keras_ones() -> None:
    assert SGD() == SGD(learning_rate=0.01, momentum=0.0, nesterov=False)
    assert RMSprop() == RMSprop(
        learning_rate=0.001, rho=0.9, momentum=0.0, epsilon=1e-7, centered=False
    )
    assert Adam() == Adam(0.001, 0.9, 0.999, 1e-7, False, weight_decay=None)
    assert AdamW() == AdamW(0.001, 0.004, 0.9, 0.999, 1e-7, False)


@pytest.mark.parametrize(
    ("make", "kind", "message"),
    [
        (
            lambda: SGD(momentum=1.5),
            ValueError,
            "SGD: `momentum`: expected a number in [0, 1], got 1.5 (float).",
        ),
        (
            lambda: SGD(momentum="0.9"),
            TypeError,
            "SGD: `momentum`: expected a number in [0, 1], got '0.9' (str).",
        ),
        (
            lambda: SGD(0.1, 0.9, 1e-4),
            TypeError,
            "SGD: `nesterov`: expected True or False, got 0.0001 (float).",
        ),
        (
            lambda: RMSprop(rho=-0.1),
            ValueError,
            "RMSprop: `rho`: expected a number in [0, 1), got -0.1 (float).",
        ),
        (
            lambda: RMSprop(epsilon=-1e-7),
            ValueError,
            "RMSprop: `epsilon`: expected a number of at least 0, got -1e-07 (float).",
        ),
        (
            lambda: Adam(beta_1=1),
            ValueError,
            "Adam: `beta_1`: expected a number in [0, 1), got 1 (int).",
        ),
        (
            lambda: Adam(beta_2=float("nan")),
            ValueError,
            "Adam: `beta_2`: expected a number in [0, 1), got nan (float).",
        ),
        (
            lambda: AdamW(weight_decay=None),
            TypeError,
            "AdamW: `weight_decay`: expected a number of at least 0, got None (NoneType).",
        ),
        (
            lambda: Adam(lr=0.1),
            TypeError,
            "Adam: unexpected argument `lr`. Arguments: learning_rate, beta_1, beta_2, epsilon, "
            "amsgrad, weight_decay, clipnorm, clipvalue, global_clipnorm, name.",
        ),
    ],
)
def test_wrong_arguments_are_refused(make: Any, kind: type[Exception], message: str) -> None:
    with pytest.raises(kind) as caught:
        make()
    assert str(caught.value) == message
