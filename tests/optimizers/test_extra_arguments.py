"""Any transformation of optax trains a model: a table of all its aliases and wrappers."""

from __future__ import annotations

import functools
import inspect
import warnings
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from optax import contrib

import jkeras
from jkeras import layers, optimizers
from jkeras.models import Chain
from jkeras.training import make_init, make_train_step

RATE = 0.02
ALIASES = [
    "adabelief", "adadelta", "adafactor", "adagrad", "adam", "adamax", "adamaxw", "adamw", "adan",
    "amsgrad", "fromage", "lamb", "lars", "lion", "nadam", "nadamw", "noisy_sgd", "novograd",
    "optimistic_adam_v2", "optimistic_gradient_descent", "radam", "rmsprop", "rprop", "sgd",
    "sign_sgd", "signum", "sm3", "yogi",
]  # fmt: skip
CONTRIBUTED = [
    "acprop", "ademamix", "adopt", "dadapt_adamw", "galore", "madgrad", "momo", "momo_adam", "muon",
    "prodigy", "schedule_free_adamw", "schedule_free_sgd", "simplified_ademamix", "sophia",
]  # fmt: skip
ADAM, DESCENT = functools.partial(optax.adam, RATE), optax.scale(-RATE)


def _all(label: Any, params: Any) -> Any:
    return jax.tree.map(lambda _: label, params)


TABLE: dict[str, Any] = {
    **{name: functools.partial(getattr(optax, name), RATE) for name in ALIASES},
    **{name: functools.partial(getattr(contrib, name), RATE) for name in CONTRIBUTED},
    "lbfgs": optax.lbfgs,
    "polyak_sgd": optax.polyak_sgd,
    "cocob": contrib.cocob,
    "dog": contrib.dog,
    "dowg": contrib.dowg,
    "apply_every": lambda: optax.chain(ADAM(), optax.apply_every(2)),
    "apply_if_finite": lambda: optax.apply_if_finite(ADAM(), 3),
    "chain": lambda: optax.chain(ADAM(), contrib.reduce_on_plateau(patience=2)),
    "conditionally_mask": lambda: optax.conditionally_mask(ADAM(), lambda step: step % 2 == 0),
    "conditionally_transform": lambda: optax.chain(
        optax.conditionally_transform(optax.clip(1.0), lambda step: step % 2 == 0), DESCENT
    ),
    "flatten": lambda: optax.flatten(ADAM()),
    "inject_hyperparams": lambda: optax.inject_hyperparams(optax.adam)(learning_rate=RATE),
    "inject_stateful_hyperparams": lambda: optax.inject_stateful_hyperparams(optax.adam)(
        learning_rate=RATE
    ),
    "lookahead": lambda: optax.lookahead(ADAM(), 3, 0.5),
    "lookahead in a chain": lambda: optax.chain(optax.clip(1.0), optax.lookahead(ADAM(), 3, 0.5)),
    "masked": lambda: optax.masked(ADAM(), functools.partial(_all, True)),
    "mechanize": lambda: contrib.mechanize(ADAM()),
    "monitor": lambda: optax.chain(optax.monitor({"norm": lambda u, **_: u}), DESCENT),
    "multi_transform": lambda: optax.multi_transform(
        {"adam": ADAM()}, functools.partial(_all, "adam")
    ),
    "MultiSteps": lambda: optax.MultiSteps(ADAM(), 2),
    "MultiSteps of lbfgs": lambda: optax.MultiSteps(optax.lbfgs(), 2),
    "named_chain": lambda: optax.named_chain(("adam", ADAM())),
    "partition": lambda: optax.partition({"adam": ADAM()}, functools.partial(_all, "adam")),
    "reduce_on_plateau": lambda: optax.chain(optax.lbfgs(), contrib.reduce_on_plateau()),
    "sam": lambda: contrib.sam(
        optax.sgd(RATE), optax.chain(contrib.normalize(), optax.sgd(0.05)), opaque_mode=True
    ),
    "sam in two steps": lambda: contrib.sam(
        optax.sgd(RATE), optax.chain(contrib.normalize(), optax.sgd(0.05))
    ),
    "scale_by_backtracking_linesearch": lambda: optax.chain(
        optax.sgd(1.0), optax.scale_by_backtracking_linesearch(15, store_grad=True)
    ),
    "scale_by_zoom_linesearch": lambda: optax.chain(
        optax.sgd(1.0), optax.scale_by_zoom_linesearch(15)
    ),
    "schedule_free": lambda: contrib.schedule_free(ADAM(), RATE),
    "selective_transform": lambda: optax.selective_transform(ADAM(), freeze_mask=False),
    "snapshot": lambda: optax.chain(optax.snapshot("norm", optax.global_norm), DESCENT),
    "split_real_and_imaginary": lambda: contrib.split_real_and_imaginary(ADAM()),
    "with_extra_args_support": lambda: optax.with_extra_args_support(ADAM()),
}
EXCLUDED = {
    "differentially_private_aggregate": "it wants the gradient of every example",
    "dpsgd": "it wants the gradient of every example",
    "freeze": "it moves nothing",
    "identity": "it climbs",
    "keep_params_nonnegative": "it sets the negative weights of the start to zero",
    "measure_with_ema": "it returns a measurement in place of updates",
    "optimistic_adam": "deprecated for optimistic_adam_v2",
    "set_to_zero": "it moves nothing",
    "stateless": "it wraps a function of the user's",
    "stateless_with_tree_map": "it wraps a function of the user's",
}
PARTS = {  # of the aliases above
    "adaptive_grad_clip", "add_decayed_weights", "add_noise", "centralize", "clip",
    "clip_by_block_rms", "clip_by_global_norm", "ema", "hutchinson_estimator_diag_hessian",
    "normalize", "normalize_by_update_norm", "scale", "trace", "zero_nans",
}  # fmt: skip
X = np.random.default_rng(0).normal(size=(32, 4)).astype(np.float32)
Y = X.sum(1, keepdims=True)


def _step_and_state(transformation: Any, net: Any = None) -> tuple[Any, Any]:
    net = net or Chain([layers.Dense(3, activation="tanh", name="body"), layers.Dense(1)])
    options: dict[str, Any] = {"loss": "mse", "optimizer": transformation}
    state = jax.jit(make_init(net, **options))(jax.random.key(0), X)
    return jax.jit(make_train_step(net, **options), donate_argnums=0), state


@pytest.mark.parametrize("name", TABLE)
def test_every_transformation_of_optax_lowers_the_loss(name: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with jax.numpy_dtype_promotion("standard"), jax.numpy_rank_promotion("allow"):
            step, state = _step_and_state(TABLE[name]())
            losses = []
            for _ in range(8):
                state, logs = step(state, (X, Y))
                losses.append(float(logs["loss"]))
    assert losses[-1] < losses[0]


def test_the_table_names_every_transformation() -> None:
    made = {
        name
        for module in (optax, contrib)
        for name, function in vars(module).items()
        if inspect.isfunction(function) and not name.startswith(("_", "scale_by_"))
        if "GradientTransformation" in str(inspect.signature(function).return_annotation)
    }
    assert made - TABLE.keys() - EXCLUDED.keys() - PARTS == set()


def test_a_search_along_a_line_sees_the_loss_of_the_whole_step() -> None:
    """Dropout, penalties and frozen weights included: `value_fn(params)` is `value`."""
    seen: dict[str, Any] = {}

    def update(grads: Any, state: Any, params: Any, *, value: Any, grad: Any, value_fn: Any) -> Any:
        seen.update(same=grad is grads, params=jax.tree.structure(params))
        gap = value - value_fn(params)
        return jax.tree.map(lambda g: gap.astype(g.dtype) + 0 * g, grads), state

    rule = optax.GradientTransformationExtraArgs(lambda params: optax.EmptyState(), update)
    frozen = layers.Dense(3, trainable=False, kernel_regularizer="l2")
    net = Chain([frozen, layers.Dropout(0.5), layers.Dense(1)])
    step, state = _step_and_state(rule, net)
    before = jax.tree.map(np.asarray, state.params)
    state, _ = step(state, (X, Y))
    jax.tree.map(np.testing.assert_array_equal, state.params, before)
    assert seen["same"] and seen["params"].num_leaves == 2


def test_only_what_update_accepts_is_passed() -> None:
    def update(grads: Any, state: Any, params: Any = None) -> Any:
        return jax.tree.map(jnp.negative, grads), state

    rule = optax.GradientTransformation(lambda params: optax.EmptyState(), update)
    step, state = _step_and_state(rule)
    step(state, (X, Y))


def test_lookahead_follows_its_definition() -> None:
    transformation, params = optax.lookahead(optax.sgd(0.5), 2, 0.25), {"w": jnp.ones(2)}
    both = optax.LookaheadParams(params, params)
    state = optimizers.init_state(transformation, params)
    theirs = transformation.init(both)
    for number in range(4):
        grads = {"w": jnp.full(2, float(number + 1))}
        options: Any = {"value": jnp.zeros(()), "value_fn": lambda params: jnp.zeros(())}
        with jax.numpy_dtype_promotion("standard"):
            updates, theirs = transformation.update(grads, theirs, both)
            both = optax.apply_updates(both, updates)
            ours, state = optimizers.compute_updates(
                transformation, grads, state, params, **options
            )
        params = optimizers.apply_updates(params, ours)
        np.testing.assert_array_equal(params["w"], both.fast["w"])
        np.testing.assert_array_equal(state.slow["w"], both.slow["w"])


@pytest.mark.parametrize(("name", "depth"), [("sam in two steps", 17), ("lookahead", 1)])
def test_copies_of_the_weights_in_the_state_have_buffers_of_their_own(
    name: str, depth: int
) -> None:
    hidden = [layers.Dense(2) for _ in range(depth)]
    model = jkeras.Sequential([jkeras.Input((4,)), *hidden, layers.Dense(1)])
    with jax.numpy_dtype_promotion("standard"):
        model.compile(TABLE[name](), "mse")
        model.fit(X, Y, epochs=2, verbose=0)
        model.layers[0].trainable = False
        model.fit(X, Y, verbose=0)
        model.compile(TABLE[name](), "mse")
        model.fit(X, Y, verbose=0)
    assert np.isfinite(model.evaluate(X, Y, verbose=0))
