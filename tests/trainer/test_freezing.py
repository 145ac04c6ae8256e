"""Freezing and thawing between and during trainings."""

import pickle
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jkeras
from jkeras import layers as L
from jkeras import optimizers
from jkeras.training import make_init, make_train_step
from tests.programs import loops_of, plan_of, plans_of

X = np.random.default_rng(0).normal(size=(8, 3)).astype("float32")
Y = X[:, :1]


def model(optimizer: Any = "adam") -> jkeras.Sequential:
    made = jkeras.Sequential(
        [jkeras.Input((3,)), L.Dense(2, name="body"), L.Dense(1, name="head")], seed=0
    )
    made.compile(optimizer, "mse")
    return made


def fit(made: Any, **options: Any) -> list[np.ndarray]:
    """Trains for an epoch of one batch; returns the weights before it."""
    before = made.get_weights()
    made.fit(X, Y, batch_size=8, verbose=0, **options)
    return before


def changed(made: Any, before: list[np.ndarray]) -> list[bool]:
    return [bool((a != b).any()) for a, b in zip(before, made.get_weights(), strict=True)]


def test_a_change_after_compile_takes_effect_and_the_optimizer_goes_on() -> None:
    made = model()
    fit(made)
    head = made.train_state.opt_state.slots["velocity"]["head"]
    made.layers[0].trainable = False
    before = fit(made)
    assert changed(made, before) == [False, False, True, True]
    state = made.train_state.opt_state
    assert int(state.count) == 2 and state.slots["velocity"]["body"] == {
        "bias": None,
        "kernel": None,
    }
    assert (state.slots["velocity"]["head"]["kernel"] > 0.99 * head["kernel"]).all()
    made.get_layer("body").trainable = True
    assert changed(made, fit(made)) == [True] * 4
    assert int(made.train_state.opt_state.count) == 3


def test_each_set_of_frozen_weights_is_compiled_once() -> None:
    made = model("sgd")
    fit(made)
    thawed = plan_of(made, "train").programs
    made.predict(X, verbose=0)
    for _ in range(2):
        made.freeze("head")
        fit(made)
        cold = plans_of(made, "train")[1].programs
        made.predict(X, verbose=0)
        made.unfreeze("head")
        fit(made)
        assert plans_of(made, "train")[0].programs is thawed is not cold
    traces = {
        name: [loop.traces for loop in p.made.values()]
        for name, p in {"thawed": thawed, "cold": cold}.items()
    }
    assert traces == {"thawed": [1], "cold": [1]}
    assert loops_of(made, "predict")[8].traces == 1


def test_a_callback_may_thaw_during_training() -> None:
    made = model("sgd")
    made.freeze("b*")
    seen = []

    class Thaw(jkeras.callbacks.Callback):
        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            seen.append(self.model.get_weights()[0])
            self.model.get_layer("body").trainable = True

    first = fit(made, epochs=3, callbacks=[Thaw()])[0]
    assert [bool((weight == first).all()) for weight in seen] == [True, False, False]


def test_single_weights_freeze_by_their_paths() -> None:
    made = model("sgd")
    made.freeze("*/bias")
    assert [v.path for v in made.trainable_variables] == ["body/kernel", "head/kernel"]
    assert changed(made, fit(made)) == [True, False, True, False]
    made.variables[1].trainable = True
    made.variables[0].trainable = False
    assert [v.trainable for v in made.variables] == [False, True, True, False]
    assert changed(made, fit(made)) == [False, True, True, False]
    made.unfreeze("kernel", "head/*")
    assert len(made.trainable_weights) == 4


@pytest.mark.filterwarnings("ignore:.*all weights are frozen")
def test_a_model_of_which_nothing_is_trained_still_fits_and_goes_on() -> None:
    made = model()
    made.trainable = False
    assert (made.trainable, made.trainable_variables) == (False, [])
    assert changed(made, fit(made)) == [False] * 4
    made.add(L.Dense(1, name="more"))
    assert made.trainable is False
    made.trainable = True
    assert changed(made, fit(made)) == [True] * 6


@pytest.mark.filterwarnings("ignore:.*all weights are frozen")
def test_a_module_without_flags_freezes_too() -> None:
    class Plain:
        def init(self, key: Any, x: Any) -> Any:
            return {"w": jnp.ones((3, 1)), "b": jnp.zeros(1)}, {}

        def apply(self, params: Any, state: Any, x: Any, **told: Any) -> Any:
            return x @ params["w"] + params["b"][None], state

    made = jkeras.Trainer(Plain(), seed=0)
    made.compile("sgd", "mse")
    made.build((None, 3))
    made.freeze("b")
    assert changed(made, fit(made)).count(True) == 1
    made.trainable = False
    assert changed(made, fit(made)) == [False, False]
    made.trainable = True
    assert changed(made, fit(made)) == [True, True]


def test_each_optimizer_of_several_keeps_what_it_knows() -> None:
    choose = optimizers.OptimizerMap(
        optimizers.SGD(0.1, momentum=0.9), {"body/.*": optimizers.Adam(0.01)}
    )
    made = model(optimizers.MultiOptimizer(choose))
    fit(made)
    before = made.train_state.opt_state.states[1]
    made.freeze("body")
    fit(made)
    (only,) = made.train_state.opt_state.states
    assert int(only.count) == 2 and float(only.hyperparams["learning_rate"]) == np.float32(0.1)
    made.unfreeze("body")
    fit(made)
    adam, sgd = made.train_state.opt_state.states
    assert (int(adam.count), int(sgd.count)) == (1, 3)
    assert set(sgd.slots) == set(before.slots) == {"momentum"}


def test_a_base_that_was_trained_is_frozen_in_a_new_model_and_then_trained_with_it() -> None:
    base = model()
    fit(base)
    features = jkeras.Model(base.inputs, base.get_layer("body").output)
    learned = features.get_weights()
    features.trainable = False
    tuned = jkeras.Sequential([features, L.Dense(1)], seed=1)
    tuned.compile("adam", "mse")
    fit(tuned)
    np.testing.assert_array_equal(tuned.get_weights()[0], learned[0])
    features.trainable = True
    assert changed(tuned, fit(tuned)) == [True] * 4
    np.testing.assert_array_equal(tuned.get_weights()[0], base.get_weights()[0])


def test_frozen_weights_cost_no_gradient() -> None:
    def flops(frozen: bool) -> float:
        net = jkeras.models.Chain([L.Dense(64, trainable=not frozen), L.Dense(1)])
        options: dict[str, Any] = {"loss": "mse", "optimizer": "sgd"}
        specs = jax.ShapeDtypeStruct((16, 64), "float32"), jax.ShapeDtypeStruct((16, 1), "float32")
        state = jax.eval_shape(make_init(net, **options), jax.random.key(0), specs[0])
        lowered = jax.jit(make_train_step(net, **options)).lower(state, specs)
        analysis = lowered.cost_analysis()
        assert analysis is not None
        return float(analysis["flops"])

    product = 2 * 16 * 64 * 64
    assert flops(False) - flops(True) > product


def test_the_summary_counts_what_is_trained(capsys: pytest.CaptureFixture[str]) -> None:
    made = model()
    made.freeze("body")
    fit(made)
    made.summary(show_trainable=True)
    printed = capsys.readouterr().out
    rows = [line for line in printed.splitlines() if "Dense" in line]
    assert ["N" in rows[0].split("│")[-2], "Y" in rows[1].split("│")[-2]] == [True, True]
    assert printed.splitlines()[-4:] == [
        " Total params: 19 (76.00 B)",
        " Trainable params: 3 (12.00 B)",
        " Non-trainable params: 8 (32.00 B)",
        " Optimizer params: 8 (32.00 B)",
    ]


def test_what_is_not_there_cannot_be_frozen() -> None:
    unbuilt = jkeras.Sequential([L.Dense(2, name="body")])
    with pytest.raises(ValueError) as caught:
        unbuilt.freeze("*/bias")
    assert str(caught.value) == (
        "Sequential 'sequential': freeze: no layer and no weight is named '*/bias'. Layers: body. "
        "Weights have no names before build((None, ...))."
    )
    assert unbuilt.trainable_variables == []


def test_weights_are_views_under_keras_words() -> None:
    made = model()
    kernel, bias = made.trainable_variables[:2]
    assert (kernel.path, kernel.name, kernel.shape, kernel.ndim, kernel.size) == (
        "body/kernel",
        "kernel",
        (3, 2),
        2,
        6,
    )
    kernel.assign(np.ones((3, 2)))
    kernel.assign_add(np.full((3, 2), 2))
    kernel.assign_sub(jnp.ones((3, 2)))
    np.testing.assert_array_equal(made.get_weights()[0], np.full((3, 2), 2.0))
    assert float((kernel * 2.0).sum()) == 24.0 and float(jnp.sum(jnp.asarray(kernel))) == 12.0
    assert kernel[0].tolist() == [2.0, 2.0] and len(kernel) == 3 and len({kernel, bias}) == 2
    assert repr(bias) == "<Weight path=body/bias, shape=(2,), dtype=float32>"
    fit(made)
    assert (kernel.numpy() != 2.0).any()


def test_a_copy_of_a_model_keeps_what_is_frozen() -> None:
    made = model()
    made.freeze("body", "head/bias")
    again = pickle.loads(pickle.dumps(made))
    assert [v.path for v in again.trainable_weights] == ["head/kernel"]
    assert changed(again, fit(again)) == [False, False, True, False]


class Block(L.Layer):
    """A layer written in Keras's way, with layers inside."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.dense = L.Dense(2)
        self.norm = L.BatchNormalization()

    def call(self, x: Any, training: bool = False) -> Any:
        return self.norm(self.dense(x), training=training)


class Written(jkeras.Model):
    """A model written in Keras's way, with a step of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.block = Block(name="block")
        self.head = L.Dense(1, name="head")

    def call(self, x: Any, training: bool = False) -> Any:
        return self.head(self.block(x, training=training))

    def loss_of(self, tv: Any, ntv: Any, x: Any, y: Any) -> Any:
        y_pred, ntv = self.stateless_call(tv, ntv, x, training=True)
        return self.compute_loss(x, y, y_pred), ntv

    def train_step(self, state: Any, data: Any) -> Any:
        tv, ntv, slots, sums = state
        (loss, ntv), grads = jax.value_and_grad(self.loss_of, has_aux=True)(tv, ntv, *data)
        tv, slots = self.optimizer.stateless_apply(slots, grads, tv)
        return {"loss": loss}, (tv, ntv, slots, sums)


def test_a_class_with_a_step_of_its_own_is_given_what_is_trained() -> None:
    made = Written()
    made.compile("adam", "mse")
    fit(made)
    made.block.trainable = False
    assert [v.path for v in made.trainable_variables] == ["head/kernel", "head/bias"]
    assert made.block.norm.trainable is False
    assert changed(made, fit(made)) == [False] * 6 + [True] * 2
    made.block.trainable = True
    assert changed(made, fit(made)).count(True) >= 7  # a bias in front of a normalization stays


def test_a_layer_without_weights_to_train_freezes_between_two_fits() -> None:
    norm = L.BatchNormalization(center=False, scale=False)
    made = jkeras.Sequential([jkeras.Input((4,)), norm, L.Dense(1)], seed=0)
    made.compile("sgd", "mse")
    x = np.random.default_rng(0).normal(3.0, 2.0, (16, 4)).astype("float32")
    made.fit(x, x[:, :1], verbose=0)
    mean, first = np.array(made.state["batch_normalization"]["moving_mean"]), made.get_weights()[2]
    norm.trainable = False
    made.fit(x, x[:, :1], verbose=0)
    np.testing.assert_array_equal(made.state["batch_normalization"]["moving_mean"], mean)
    assert not np.array_equal(made.get_weights()[2], first)
    norm.trainable = True
    made.fit(x, x[:, :1], verbose=0)
    assert not np.array_equal(made.state["batch_normalization"]["moving_mean"], mean)


@pytest.mark.parametrize("look", ["evaluate", "predict", "test_on_batch"])
def test_a_look_at_a_frozen_model_leaves_the_optimizer_as_it_is(look: str) -> None:
    def trained(*, looks: bool) -> list[np.ndarray]:
        made = model("adam")
        fit(made)
        made.freeze("head")
        if looks:
            given = (X,) if look == "predict" else (X, Y)
            getattr(made, look)(*given, **({} if look == "test_on_batch" else {"verbose": 0}))
        made.unfreeze("head")
        fit(made)
        return made.get_weights()

    for one, other in zip(trained(looks=True), trained(looks=False), strict=True):
        np.testing.assert_array_equal(one, other)
