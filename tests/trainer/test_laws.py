"""Laws of training that need no other library.

- How an epoch is cut into dispatches, or whether it is a loop at all, changes no bit of the result.
- Filler rows in the last batch change nothing.
- A step is a pure function: it runs under jit, vmap, grad and scan.
- The same seed gives the same numbers, another seed others.
"""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from jkeras import Sequential, layers, optimizers
from jkeras.core.batch import Batch
from jkeras.data.streams import padded
from jkeras.models import Chain
from jkeras.training import make_init, make_train_step
from tests.golden.training_models import CLASSES, SPARSE, table

OPTIONS = {"loss": SPARSE, "optimizer": "adam", "metrics": ["accuracy"]}


def small_net() -> Chain:
    """A network that draws random numbers and carries state."""
    return Chain(
        [
            layers.Dense(8, activation="relu"),
            layers.BatchNormalization(),
            layers.Dropout(0.3),
            layers.Dense(CLASSES, activation="softmax"),
        ]
    )


def small_model(seed: int = 0, **options: Any) -> Sequential:
    model = Sequential(list(small_net().layers), seed=seed)
    model.compile(**(OPTIONS | options))
    return model


def assert_equal(a: Any, b: Any) -> None:
    """Every bit of every leaf."""
    assert jax.tree.structure(a) == jax.tree.structure(b)
    for got, expected in zip(jax.tree.leaves(a), jax.tree.leaves(b), strict=True):
        np.testing.assert_array_equal(np.asarray(got), np.asarray(expected))


def begun(net: Any = None, **options: Any) -> tuple[Any, Any, Any]:
    """A train step, a state to start from, and data of 40 examples."""
    net = net or small_net()
    x, y = (jnp.asarray(a) for a in table(40))
    init = make_init(net, **(OPTIONS | options))
    return make_train_step(net, **(OPTIONS | options)), init(jax.random.key(3), x), (x, y)


# -- dispatches


def values_after(steps_per_execution: int | None, **options: Any) -> Any:
    model = small_model(steps_per_execution=steps_per_execution)
    history = model.fit(*table(150), batch_size=2, epochs=2, verbose=0, **options)
    return model.params, model.state, history.history


@pytest.mark.parametrize("chunk", [1, 7, 64])
def test_the_size_of_a_dispatch_changes_no_bit(chunk: int) -> None:
    whole_epoch = values_after(75)
    assert_equal(values_after(chunk), whole_epoch)


def test_the_adaptive_pace_changes_no_bit() -> None:
    assert_equal(values_after(None), values_after(75))


def test_a_partial_last_batch_and_chunks_agree() -> None:
    held_out = {"validation_data": table(13, seed=1)}
    assert_equal(values_after(4, **held_out), values_after(75, **held_out))


def test_run_eagerly_gives_the_same_numbers() -> None:
    # With SGD: a bias before BatchNormalization has no gradient, Adam would make one of rounding.
    compiled, eager = small_model(optimizer="sgd"), small_model(optimizer="sgd", run_eagerly=True)
    for model in (compiled, eager):
        model.fit(*table(9), batch_size=4, verbose=0)
    for a, b in zip(compiled.get_weights(), eager.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)


def test_an_epoch_of_fit_is_a_loop_of_steps() -> None:
    step, state, (x, y) = begun()
    step = jax.jit(step)
    model = small_model()
    model.build(x)
    model.train_state = state.replace(sums=model.train_state.sums)
    model.fit(x, y, batch_size=8, shuffle=False, verbose=0)
    for start in range(0, 40, 8):
        state, _ = step(state, (x[start : start + 8], y[start : start + 8]))
    assert int(model.train_state.step) == int(state.step) == 5
    for a, b in zip(
        jax.tree.leaves((model.params, model.state)),
        jax.tree.leaves((state.params, state.state)),
        strict=True,
    ):
        np.testing.assert_allclose(a, b, rtol=1e-6, atol=1e-7)


def test_fit_with_one_step_an_epoch_sees_all_the_data() -> None:
    seen = small_model()
    seen.fit(*table(40), batch_size=8, shuffle=False, verbose=0)
    slow = small_model()
    slow.fit(*table(40), batch_size=8, shuffle=False, steps_per_epoch=1, epochs=5, verbose=0)
    assert_equal(slow.params, seen.params)


def test_a_shuffled_pass_over_several_epochs_keeps_one_order() -> None:
    """Each of the 5 batches once: as one epoch of 5 steps in the same order."""
    seen, slow = small_model(), small_model()
    seen.fit(*table(40), batch_size=8, verbose=0)
    slow.fit(*table(40), batch_size=8, steps_per_epoch=1, epochs=5, verbose=0)
    assert_equal(slow.params, seen.params)


def test_steps_past_the_end_of_the_data_are_warned_of() -> None:
    with pytest.warns(UserWarning) as caught:
        small_model().fit(*table(24), batch_size=8, steps_per_epoch=4, verbose=0)
    assert [str(warning.message) for warning in caught] == [
        "fit: the data ends after 3 of the 4 steps of this epoch; the next epoch begins at its "
        "start again. Choose `steps_per_epoch` so that it divides the 3 batches."
    ]


def test_a_split_is_validated_like_the_same_examples_given() -> None:
    """Whatever weights the examples have for training; as `evaluate` says, too."""
    x, y = table(40)
    weight = np.linspace(0.0, 2.0, 40)
    options: dict[str, Any] = {"batch_size": 8, "shuffle": False, "verbose": 0}
    for part, held_out in (
        ({"class_weight": {0: 100.0, 1: 0.01}}, (x[20:], y[20:])),
        ({"class_weight": {}}, (x[20:], y[20:])),
        ({"sample_weight": weight}, (x[20:], y[20:], weight[20:])),
        ({}, (x[20:], y[20:])),
    ):
        split, given = (small_model(weighted_metrics=["accuracy"]) for _ in range(2))
        found = split.fit(x, y, validation_split=0.5, **part, **options).history
        first = {**part, "sample_weight": weight[:20]} if "sample_weight" in part else part
        fitted = given.fit(x[:20], y[:20], validation_data=held_out, **first, **options)
        assert found == fitted.history
        assert_equal(split.params, given.params)
        x_val, y_val, *rest = held_out
        values = split.evaluate(x_val, y_val, 8, 0, *rest, return_dict=True)
        assert {f"val_{name}": [value] for name, value in values.items()}.items() <= found.items()


# -- filler rows


@pytest.mark.parametrize("weighted", [False, True])
def test_filler_rows_change_nothing(weighted: bool) -> None:
    """Also not the moving means of BatchNormalization; without dropout, which draws per row."""
    net = Chain([layer for layer in small_net().layers if type(layer).__name__ != "Dropout"])
    step, state, (x, y) = begun(net)
    weight = jnp.linspace(0.0, 2.0, 5) if weighted else None
    batch = Batch(x[:5], y[:5], weight)
    exact, exact_logs = step(state, batch)
    filled, filled_logs = step(state, jax.tree.map(jnp.asarray, padded(batch, 8)))
    for a, b in zip(
        jax.tree.leaves((exact.params, exact.state, exact.sums, exact_logs)),
        jax.tree.leaves((filled.params, filled.state, filled.sums, filled_logs)),
        strict=True,
    ):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)


# -- a step as a function


def test_a_step_under_jit_gives_what_it_gives_eagerly() -> None:
    step, state, data = begun()
    eager, compiled = step(state, data), jax.jit(step)(state, data)
    for a, b in zip(
        jax.tree.leaves((eager[0].params, eager[0].state, eager[1])),
        jax.tree.leaves((compiled[0].params, compiled[0].state, compiled[1])),
        strict=True,
    ):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)


def test_a_population_is_three_single_runs() -> None:
    step, _, (x, y) = begun()
    init = make_init(small_net(), **OPTIONS)
    seeds = jnp.array([0, 1, 2])
    population = jax.vmap(lambda seed: init(jax.random.key(seed), x))(seeds)
    many = jax.jit(jax.vmap(step, in_axes=(0, None)))
    for _ in range(3):
        population, logs = many(population, (x, y))
    for seed in range(3):
        single = init(jax.random.key(seed), x)
        for _ in range(3):
            single, single_logs = jax.jit(step)(single, (x, y))
        own = jax.tree.map(lambda a, i=seed: a[i], (population.params, logs))
        for a, b in zip(
            jax.tree.leaves(own), jax.tree.leaves((single.params, single_logs)), strict=True
        ):
            np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5)


def test_a_scan_is_a_loop() -> None:
    step, state, (x, y) = begun()
    batches = (x.reshape(5, 8, -1), y.reshape(5, 8))
    scanned, logs = jax.lax.scan(step, state, batches)
    for i in range(5):
        state, _ = jax.jit(step)(state, (batches[0][i], batches[1][i]))
    assert logs["loss"].shape == (5,)
    for a, b in zip(jax.tree.leaves(scanned.params), jax.tree.leaves(state.params), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)


def loss_after_a_step(rate: jax.Array) -> jax.Array:
    step, state, data = begun(Chain([layers.Dense(5, activation="softmax")]), optimizer="sgd")
    state = state.replace(opt_state=optimizers.set_learning_rate(state.opt_state, rate))
    state, _ = step(state, data)
    return step(state, data)[1]["loss"]


def test_a_step_is_differentiable_in_the_learning_rate() -> None:
    h = 0.05
    difference = (
        loss_after_a_step(jnp.float32(0.5 + h)) - loss_after_a_step(jnp.float32(0.5 - h))
    ) / (2 * h)
    slope = jax.grad(loss_after_a_step)(jnp.float32(0.5))
    assert float(slope) == pytest.approx(float(difference), rel=1e-2)
    assert float(slope) < 0


def test_a_step_is_differentiable_in_the_parameters() -> None:
    """For plain gradient descent of a linear mean squared error the gradient is known.

    With p' = p - r·∇L(p), the sum of p' has the gradient 1 - r·H·1, H the Hessian.
    """
    net = Chain([layers.Dense(1, use_bias=False)])
    options = {"loss": "mse", "optimizer": optimizers.SGD(0.1), "metrics": []}
    step, state, (x, _) = begun(net, **options)
    y = x[:, :1]

    def total(params: Any) -> jax.Array:
        return jnp.sum(step(state.replace(params=params), (x, y))[0].params["dense"]["kernel"])

    gradient = jax.grad(total)(state.params)["dense"]["kernel"]
    hessian = 2 * x.T @ x / len(x)
    np.testing.assert_allclose(gradient[:, 0], 1 - 0.1 * hessian.sum(0), rtol=1e-4, atol=1e-5)


def test_any_optax_transformation_trains() -> None:
    model = small_model(optimizer=optax.chain(optax.clip(0.1), optax.sgd(0.1, 0.9)))
    losses = model.fit(*table(64), epochs=8, verbose=0).history["loss"]
    assert losses[-1] < losses[0]


# -- seeds


def test_the_same_seed_gives_the_same_numbers() -> None:
    records = []
    for _ in range(2):
        model = small_model(seed=5)
        history = model.fit(*table(40), batch_size=16, epochs=2, verbose=0)
        records.append((history.history, model.params, model.state))
    assert_equal(*records)


def test_another_seed_gives_other_weights_order_and_dropout() -> None:
    x, y = table(40)
    a, b = small_model(seed=5), small_model(seed=6)
    for model in (a, b):
        model.build(x)
    assert not np.array_equal(a.get_weights()[0], b.get_weights()[0])
    b.set_weights(a.get_weights())
    for model in (a, b):
        model.fit(x, y, batch_size=16, verbose=0)
    assert not np.array_equal(a.get_weights()[0], b.get_weights()[0])
