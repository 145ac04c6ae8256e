"""Models whose `train_step` uses the models and layers in their attributes."""

from __future__ import annotations

import copy
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jkeras
from jkeras import layers, ops

X = np.random.RandomState(0).randn(32, 4).astype("float32")
Y = (X[:, :1] > 0).astype("float32")


def net(units: int, **kwargs: Any) -> jkeras.Sequential:
    hidden = layers.Dense(5, activation="tanh")
    return jkeras.Sequential([jkeras.Input((4,)), hidden, layers.Dense(units)], **kwargs)


class GAN(jkeras.Model):
    """Keras's GAN in its form for JAX, but for the noise, which is the same in every step."""

    def __init__(self, discriminator: Any, generator: Any, latent_dim: int) -> None:
        super().__init__()
        self.discriminator, self.generator = discriminator, generator
        self.latent_dim = latent_dim
        self.d_loss_tracker = jkeras.metrics.Mean(name="d_loss")
        self.g_loss_tracker = jkeras.metrics.Mean(name="g_loss")
        self.loss_fn = jkeras.losses.BinaryCrossentropy(from_logits=True)
        self.built = True

    @property
    def metrics(self) -> list[Any]:
        return [self.d_loss_tracker, self.g_loss_tracker]

    def d_loss(self, d: Any, d_others: Any, g: Any, g_others: Any, real: Any, z: Any) -> Any:
        fake, g_others = self.generator.stateless_call(g, g_others, z, training=True)
        x = ops.concatenate([fake, real], axis=0)
        y = ops.concatenate([ops.ones((len(fake), 1)), ops.zeros((len(real), 1))], axis=0)
        logits, d_others = self.discriminator.stateless_call(d, d_others, x, training=True)
        return self.loss_fn(y, logits), (d_others, g_others)

    def g_loss(self, g: Any, g_others: Any, d: Any, d_others: Any, z: Any) -> Any:
        fake, g_others = self.generator.stateless_call(g, g_others, z, training=True)
        logits, d_others = self.discriminator.stateless_call(d, d_others, fake, training=True)
        return self.loss_fn(ops.zeros((len(z), 1)), logits), (g_others, d_others)

    def train_step(self, state: Any, data: Any) -> Any:
        first, second, slots, own = state
        real = data[0] if isinstance(data, tuple) else data
        size = len(real), self.latent_dim
        z = ops.reshape(ops.sin(ops.arange(size[0] * size[1], dtype="float32")), size)
        cut = len(self.discriminator.trainable_variables)
        d, g = first[:cut], first[cut:]
        cut = len(self.discriminator.non_trainable_variables)
        d_others, g_others = second[:cut], second[cut:]
        (d_loss, (d_others, g_others)), d_grads = jax.value_and_grad(self.d_loss, has_aux=True)(
            d, d_others, g, g_others, real, z
        )
        (g_loss, (g_others, d_others)), g_grads = jax.value_and_grad(self.g_loss, has_aux=True)(
            g, g_others, d, d_others, z
        )
        first, slots = self.optimizer.stateless_apply(slots, [*d_grads, *g_grads], [*d, *g])
        trackers, logs, new = self.metrics, {}, []
        for i, loss in enumerate((d_loss, g_loss)):
            sums = trackers[i].stateless_update_state(own[2 * i : 2 * i + 2], loss)
            logs[trackers[i].name] = trackers[i].stateless_result(sums)
            new += sums
        return logs, (first, [*d_others, *g_others], slots, new)


def gan() -> GAN:
    def dense(units: int, value: float, **kwargs: Any) -> Any:
        return layers.Dense(units, kernel_initializer=jkeras.initializers.Constant(value), **kwargs)

    g = [jkeras.Input((3,)), dense(8, 1.0), layers.BatchNormalization(), dense(4, 0.3)]
    d = [jkeras.Input((4,)), dense(5, 0.2, activation="tanh"), dense(1, 0.1)]
    return GAN(jkeras.Sequential(d, name="d"), jkeras.Sequential(g, name="g"), 3)


def test_a_gan_gives_the_numbers_of_keras() -> None:
    """Those that Keras 3.15.1 on JAX gives for this class, with `keras` in place of `jkeras`."""
    model = gan()
    assert [v.path for v in model.trainable_variables][3:5] == ["d/dense_1/bias", "g/dense/kernel"]
    assert len(model.trainable_variables) == 10
    assert [v.name for v in model.non_trainable_variables] == ["moving_mean", "moving_variance"]
    model.compile(jkeras.optimizers.Adam(0.05))
    x = np.random.default_rng(0).normal(size=(32, 4)).astype("float32")
    logs = model.fit(x, epochs=3, batch_size=8, shuffle=False, verbose=0).history
    assert list(logs) == ["d_loss", "g_loss"]
    np.testing.assert_allclose(logs["d_loss"], [0.696444, 0.687396, 0.699577], rtol=1e-5)
    np.testing.assert_allclose(logs["g_loss"], [0.713594, 0.727289, 0.679392], rtol=1e-5)
    np.testing.assert_allclose(model.generator.get_weights()[0].sum(), 24.667011, rtol=1e-5)
    np.testing.assert_allclose(model.discriminator.get_weights()[0].sum(), 3.540932, rtol=1e-5)


class Distiller(jkeras.Model):
    """A student that learns from a teacher, which the step calls as it is."""

    def __init__(self, teacher: Any, student: Any) -> None:
        super().__init__()
        self.teacher, self.student = teacher, student
        self.noise = layers.GaussianNoise(0.0)  # no weights, whatever its inputs

    def train_step(self, state: Any, data: Any) -> Any:
        first, others, slots, own = state
        wanted = self.teacher(data[0], training=False)

        def loss_fn(first: Any) -> Any:
            outputs, _ = self.student.stateless_call(first, [], data[0], training=True)
            return ops.mean((outputs - wanted) ** 2) + 0.0 * jkeras.random.normal(())

        loss, grads = jax.value_and_grad(loss_fn)(first)
        first, slots = self.optimizer.stateless_apply(slots, grads, first)
        return {"loss": loss}, (first, others, slots, own)


def test_a_student_learns_from_a_teacher_that_stays(tmp_path: Any) -> None:
    teacher, student = net(1), net(1)
    teacher.trainable = False
    model = Distiller(teacher, student)
    assert (len(model.trainable_variables), len(model.non_trainable_variables)) == (4, 4)
    model.compile("adam")
    before = teacher.get_weights(), student.get_weights()
    losses = model.fit(X, Y, epochs=3, verbose=0).history["loss"]
    assert losses[2] < losses[0]
    for a, b in zip(before[0], teacher.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    assert (student.get_weights()[0] != before[1][0]).any()
    model.save_weights(tmp_path / "model.weights.h5")
    again, copied = Distiller(net(1), net(1)), copy.deepcopy(model)
    again.load_weights(tmp_path / "model.weights.h5")
    for made in (again, copied):
        np.testing.assert_array_equal(made.student.get_weights()[0], student.get_weights()[0])
    copied.fit(X, Y, verbose=0)
    assert (copied.student.get_weights()[0] != student.get_weights()[0]).any()
    model.summary()
    assert model.count_params() == 62


class ActorCritic(jkeras.Model):
    """Layers, one of them in a dict, and a weight of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.body = layers.Dense(5, activation="tanh")
        self.heads = {"policy": layers.Dense(2), "value": layers.Dense(1)}
        self.gain = self.add_weight(shape=(), initializer="ones", name="gain")
        self.body.build((None, 4))
        for head in self.heads.values():
            head.build((None, 5))

    def outputs(self, variables: Any, x: Any) -> Any:
        gain, kernel, bias, *heads = variables
        hidden, _ = self.body.stateless_call([kernel, bias], [], x)
        policy, _ = self.heads["policy"].stateless_call(heads[:2], [], hidden)
        value, _ = self.heads["value"].stateless_call(heads[2:], [], hidden)
        return gain * policy[:, :1] + value

    def train_step(self, state: Any, data: Any) -> Any:
        first, others, slots, own = state
        x, y = data
        loss, grads = jax.value_and_grad(
            lambda first: self.compute_loss(x, y, self.outputs(first, x))
        )(first)
        first, slots = self.optimizer.stateless_apply(slots, grads, first)
        return {"loss": loss}, (first, others, slots, own)

    def test_step(self, state: Any, data: Any) -> Any:
        x, y = data
        return {"loss": self.compute_loss(x, y, self.outputs(state[0], x))}, state


def test_layers_and_weights_in_attributes_are_trained_and_evaluated() -> None:
    model = ActorCritic()
    names = ["gain", "dense/kernel", "dense/bias", "dense_1/kernel", "dense_1/bias"]
    assert [v.path for v in model.trainable_variables][:5] == names
    model.compile("adam", "mse")
    losses = model.fit(X, Y, epochs=3, validation_data=(X, Y), verbose=0).history
    assert losses["loss"][2] < losses["loss"][0]
    np.testing.assert_allclose(losses["val_loss"][2], model.evaluate(X, Y, verbose=0))
    assert float(model.gain) != 1.0


class Cycle(jkeras.Model):
    """`call` is one of the two models."""

    def __init__(self, there: Any, judge: Any) -> None:
        super().__init__()
        self.there, self.judge = there, judge

    def call(self, x: Any) -> Any:
        return self.there(x)

    def train_step(self, state: Any, data: Any) -> Any:
        first, others, slots, own = state

        def loss_fn(first: Any) -> Any:
            moved, _ = self.there.stateless_call(first[:4], [], data[0])
            judged, _ = self.judge.stateless_call(first[4:], [], moved)
            return ops.mean(judged**2)

        loss, grads = jax.value_and_grad(loss_fn)(first)
        first, slots = self.optimizer.stateless_apply(slots, grads, first)
        return {"loss": loss}, (first, others, slots, own)


def test_a_model_that_call_leaves_out_is_trained_by_the_step() -> None:
    model = Cycle(net(4), net(1))
    model.build((None, 4))
    assert len(model.trainable_variables) == 8
    before = model.judge.get_weights()[0]
    model.compile("adam")
    model.fit(X, verbose=0)
    assert (model.judge.get_weights()[0] != before).any()
    assert model.predict(X, verbose=0).shape == (32, 4)


def test_layers_of_another_model_keep_their_weights_and_the_order_of_these() -> None:
    other = net(3)
    values = other.get_weights()
    model = Distiller(other.layers[1], other.layers[0])
    shapes = [(5, 3), (3,), (4, 5), (5,)]
    model.build()
    for made in (model, copy.deepcopy(model)):
        assert [v.shape for v in made.trainable_variables] == shapes
        np.testing.assert_array_equal(made.get_weights()[2], values[0])


def _unbuilt() -> Distiller:
    model = Distiller(net(1), jkeras.Sequential([layers.Dense(3)], name="student"))
    model.compile("adam")
    return model


WRONG: dict[str, tuple[Any, type[Exception], str]] = {
    "fit with an unbuilt model inside": (
        lambda: _unbuilt().fit(X, Y, verbose=0),
        ValueError,
        "Distiller 'distiller': expected layers and models with weights, since it has no `call` "
        "that tells the shapes of their inputs, got Sequential 'student' without. Begin it with "
        "Input(shape), or call its build((None, ...)).",
    ),
    "stateless_call of an unbuilt model": (
        lambda: jkeras.Sequential([layers.Dense(3)], name="s").stateless_call([], [], X),
        ValueError,
        "Sequential 's': it has no weights yet, because the shape of its inputs is not known. "
        "Begin it with Input(shape), call build((None, ...)), or fit it first.",
    ),
    "predict without call": (
        lambda: Distiller(net(1), net(1)).predict(X, verbose=0),
        NotImplementedError,
        "Distiller: expected a method `call(self, inputs)` that returns the outputs, and the class "
        "defines none.",
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_the_message_says_what_to_do(case: str) -> None:
    wrong, kind, message = WRONG[case]
    with pytest.raises(kind) as caught:
        wrong()
    assert str(caught.value) == message


def test_weights_appear_when_the_last_part_is_built() -> None:
    model = _unbuilt()
    assert model.trainable_variables == []
    model.student.build((None, 4))
    assert len(model.trainable_variables) == 6
    assert jnp.shape(model.trainable_variables[4]) == (4, 3)
