"""Scripts in Keras's way of subclassing, which Keras and jkeras run from the same lines.

Each function takes `k`, the library, and returns a model that is not compiled, its inputs and its
targets. `run` trains it from weights that NumPy's frozen `RandomState` gives.
"""

from __future__ import annotations

import types
from collections.abc import Callable
from typing import Any

import jax
import numpy as np

Library = types.ModuleType
ROWS = 10


def data(*shapes: tuple[int, ...], seed: int = 3) -> list[np.ndarray]:
    """Arrays of normal numbers, `ROWS` examples each."""
    rng = np.random.RandomState(seed)
    return [rng.randn(ROWS, *shape).astype("float32") for shape in shapes]


def linear_class(k: Library) -> type:
    """A linear layer that makes its weights in `build`."""

    class Linear(k.layers.Layer):
        def __init__(self, units: int = 3, **kwargs: Any) -> None:
            super().__init__(**kwargs)
            self.units = units

        def build(self, input_shape: Any) -> None:
            self.w = self.add_weight(
                shape=(input_shape[-1], self.units),
                initializer="random_normal",
                regularizer=k.regularizers.L2(0.01),
                constraint=k.constraints.NonNeg(),
                name="w",
            )
            self.b = self.add_weight(shape=(self.units,), initializer="zeros", name="b")

        def call(self, inputs: Any) -> Any:
            return k.ops.matmul(inputs, self.w) + self.b

        def get_config(self) -> dict[str, Any]:
            return {**super().get_config(), "units": self.units}

    return Linear


def linear(k: Library) -> Any:
    """The layer in a Sequential."""
    x, y = data((4,), (1,))
    linear = linear_class(k)
    layers = [k.Input((4,)), linear(5), k.layers.ReLU(), linear(1)]
    return k.Sequential(layers), x, y


def nested(k: Library) -> Any:
    """Layers of layers, some in a list, one of them used twice, in a functional model."""
    linear = linear_class(k)

    class Block(k.layers.Layer):
        def __init__(self) -> None:
            super().__init__()
            self.stack = [linear(4), k.layers.Dense(4, activation="tanh")]
            self.norm = k.layers.BatchNormalization()
            self.shared = linear(4)

        def call(self, x: Any, training: bool = False) -> Any:
            for layer in self.stack:
                x = layer(x)
            x = self.norm(x, training=training)
            return self.shared(self.shared(x)) + x

    x, y = data((3,), (2,))
    inputs = k.Input((3,))
    outputs = k.layers.Dense(2)(Block()(inputs))
    return k.Model(inputs, outputs), x, y


def flagged(k: Library) -> Any:
    """A layer that does something else in training, without chance in it."""

    class Halving(k.layers.Layer):
        def call(self, x: Any, training: bool | None = None) -> Any:
            return x * 0.5 if training else x

    class Flagged(k.Model):
        def __init__(self) -> None:
            super().__init__()
            self.halving = Halving()
            self.dense = k.layers.Dense(1)

        def call(self, x: Any, training: bool = False) -> Any:
            return self.dense(self.halving(x, training=training))

    return Flagged(), *data((3,), (1,))


def adding_losses(k: Library) -> Any:
    """Losses of activities, of a layer inside and of the model."""

    class Sparse(k.layers.Layer):
        def call(self, x: Any) -> Any:
            self.add_loss(0.01 * k.ops.sum(k.ops.abs(x)))
            return x

    class Adding(k.Model):
        def __init__(self) -> None:
            super().__init__()
            self.first, self.sparse = k.layers.Dense(4), Sparse()
            self.last = k.layers.Dense(1, kernel_regularizer="l2")

        def call(self, x: Any) -> Any:
            hidden = self.sparse(self.first(x))
            self.add_loss(0.1 * k.ops.mean(k.ops.square(hidden)))
            return self.last(hidden)

    return Adding(), *data((3,), (1,))


def counting(k: Library) -> Any:
    """A weight that counts, and one that follows a mean."""

    class Counting(k.layers.Layer):
        def __init__(self) -> None:
            super().__init__()
            self.count = self.add_weight(shape=(), initializer="zeros", trainable=False)

        def build(self, input_shape: Any) -> None:
            self.mean = self.add_weight(
                shape=(input_shape[-1],), initializer="zeros", trainable=False, name="mean"
            )

        def call(self, x: Any, training: bool = False) -> Any:
            if training:
                self.count.assign_add(1.0)
                self.mean.assign(0.9 * self.mean + 0.1 * k.ops.mean(x, axis=0))
            return x - self.mean

    x, y = data((3,), (1,))
    return k.Sequential([k.Input((3,)), Counting(), k.layers.Dense(1)]), x, y


def two_inputs(k: Library) -> Any:
    """A model of two inputs, with weights of its own and a model inside."""

    class TwoTowers(k.Model):
        def __init__(self) -> None:
            super().__init__()
            self.left = k.Sequential([k.layers.Dense(4, activation="relu"), k.layers.Dense(3)])
            self.right = k.layers.Dense(3)

        def build(self, input_shape: Any) -> None:
            self.gain = self.add_weight(shape=(3,), initializer="ones", name="gain")

        def call(self, inputs: Any) -> Any:
            a, b = inputs
            return k.ops.sum(self.left(a) * self.right(b) * self.gain, axis=-1, keepdims=True)

    a, b, y = data((3,), (4,), (1,))
    return TwoTowers(), [a, b], y


def masked(k: Library) -> Any:
    """A mask that travels through a layer that supports masking, and is read by another."""

    class Doubled(k.layers.Layer):
        def __init__(self) -> None:
            super().__init__()
            self.supports_masking = True

        def call(self, x: Any) -> Any:
            return 2.0 * x

    class MeanOfReal(k.layers.Layer):
        def __init__(self) -> None:
            super().__init__()
            self.supports_masking = True

        def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
            return None

        def call(self, x: Any, mask: Any = None) -> Any:
            if mask is None:
                return k.ops.mean(x, axis=1)
            real = k.ops.cast(mask, "float32")[:, :, None]
            return k.ops.sum(x * real, axis=1) / k.ops.sum(real, axis=1)

    ids = np.array([[1, 2, 0, 0], [3, 1, 2, 0], [2, 2, 2, 2], [1, 0, 0, 0], [4, 3, 0, 0]] * 2)
    inputs = k.Input((4,), dtype="int32")
    x = Doubled()(k.layers.Embedding(5, 3, mask_zero=True)(inputs))
    outputs = k.layers.Dense(1)(MeanOfReal()(x))
    return k.Model(inputs, outputs), ids.astype("int32"), data((1,))[0]


def autoencoder(k: Library) -> Any:
    """A variational autoencoder: sampling with a seed, and the divergence as an added loss."""

    class Sampling(k.layers.Layer):
        def call(self, inputs: Any) -> Any:
            mean, log_var = inputs
            noise = k.random.normal(k.ops.shape(mean), seed=1337)
            return mean + k.ops.exp(0.5 * log_var) * noise

    class Encoder(k.layers.Layer):
        def __init__(self, **kwargs: Any) -> None:
            super().__init__(**kwargs)
            self.hidden = k.layers.Dense(5, activation="tanh")
            self.mean, self.log_var = k.layers.Dense(2), k.layers.Dense(2)
            self.sampling = Sampling()

        def call(self, inputs: Any) -> Any:
            hidden = self.hidden(inputs)
            mean, log_var = self.mean(hidden), self.log_var(hidden)
            return mean, log_var, self.sampling((mean, log_var))

    class Autoencoder(k.Model):
        def __init__(self, **kwargs: Any) -> None:
            super().__init__(**kwargs)
            self.encoder, self.decoder = Encoder(), k.layers.Dense(4)

        def call(self, inputs: Any) -> Any:
            mean, log_var, z = self.encoder(inputs)
            terms = log_var - k.ops.square(mean) - k.ops.exp(log_var) + 1
            self.add_loss(-0.5 * k.ops.mean(terms))
            return self.decoder(z)

    (x,) = data((4,))
    return Autoencoder(), x, x


def own_step(k: Library) -> Any:
    """`train_step` and `test_step` in the form of Keras on JAX, with batch normalization."""

    class Stepping(k.Model):
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, **kwargs)
            self.loss_tracker = k.metrics.Mean(name="loss")
            self.error = k.metrics.MeanAbsoluteError(name="error")

        def loss_and_updates(self, first: Any, second: Any, x: Any, y: Any) -> Any:
            y_pred, second = self.stateless_call(first, second, x, training=True)
            return k.ops.mean(k.ops.square(y - y_pred)), (y_pred, second)

        def updated(self, own: Any, loss: Any, y: Any, y_pred: Any) -> Any:
            cut = len(self.loss_tracker.variables)
            first = self.loss_tracker.stateless_update_state(own[:cut], loss)
            second = self.error.stateless_update_state(own[cut:], y, y_pred)
            logs = {
                "loss": self.loss_tracker.stateless_result(first),
                "error": self.error.stateless_result(second),
            }
            return logs, [*first, *second]

        def train_step(self, state: Any, data: Any) -> Any:
            first, second, slots, own = state
            x, y = data
            gradient = jax.value_and_grad(self.loss_and_updates, has_aux=True)
            (loss, (y_pred, second)), grads = gradient(first, second, x, y)
            first, slots = self.optimizer.stateless_apply(slots, grads, first)
            logs, own = self.updated(own, loss, y, y_pred)
            return logs, (first, second, slots, own)

        def test_step(self, state: Any, data: Any) -> Any:
            first, second, own = state
            x, y = data
            y_pred, second = self.stateless_call(first, second, x, training=False)
            logs, own = self.updated(own, k.ops.mean(k.ops.abs(y - y_pred)), y, y_pred)
            return logs, (first, second, own)

        @property
        def metrics(self) -> list[Any]:
            return [self.loss_tracker, self.error]

    x, y = data((3,), (1,))
    inputs = k.Input((3,))
    hidden = k.layers.BatchNormalization()(k.layers.Dense(4, activation="tanh")(inputs))
    return Stepping(inputs, k.layers.Dense(1)(hidden)), x, y


def own_loss(k: Library) -> Any:
    """`compute_loss` of one's own."""

    class Weighing(k.Model):
        def __init__(self) -> None:
            super().__init__()
            self.dense = k.layers.Dense(2)

        def call(self, x: Any) -> Any:
            return self.dense(x)

        def compute_loss(
            self, x: Any = None, y: Any = None, y_pred: Any = None, sample_weight: Any = None
        ) -> Any:
            return 3.0 * k.ops.mean(k.ops.square(y - y_pred)) + k.ops.mean(k.ops.abs(y_pred))

    return Weighing(), *data((3,), (2,))


def own_vocabulary(k: Library) -> Any:
    """A loss, two metrics, a regularizer and an initializer of one's own."""

    class Bent(k.losses.Loss):
        def __init__(self, at: float = 1.0, name: str = "bent", **kwargs: Any) -> None:
            super().__init__(name=name, **kwargs)
            self.at = at

        def call(self, y_true: Any, y_pred: Any) -> Any:
            error = k.ops.abs(y_true - y_pred)
            return k.ops.mean(k.ops.minimum(error, self.at), axis=-1)

    class Above(k.metrics.Metric):
        def __init__(self, name: str = "above", **kwargs: Any) -> None:
            super().__init__(name=name, **kwargs)
            self.count = self.add_variable(shape=(), initializer="zeros", name="count")
            self.last = self.add_weight(shape=(), initializer="zeros", name="last")

        def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
            self.count.assign_add(k.ops.sum(k.ops.cast(y_pred > y_true, "float32")))
            self.last.assign(0.5 * self.last + k.ops.mean(y_pred))

        def result(self) -> Any:
            return self.count + self.last

    class Largest(k.metrics.Mean):
        def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Any:
            return super().update_state(k.ops.max(y_pred, axis=-1), sample_weight)

    class Small(k.regularizers.Regularizer):
        def __init__(self, factor: float) -> None:
            self.factor = factor

        def __call__(self, x: Any) -> Any:
            return self.factor * k.ops.sum(k.ops.abs(x))

    x, y = data((3,), (2,))
    layers = [k.Input((3,)), k.layers.Dense(2, kernel_regularizer=Small(0.01))]
    model = k.Sequential(layers)
    model.compile(k.optimizers.SGD(0.1), Bent(0.8), metrics=[Above(), Largest(name="largest")])
    return model, x, y


CASES: dict[str, Callable[[Library], Any]] = {
    case.__name__: case
    for case in (
        *(linear, nested, flagged, adding_losses, counting, two_inputs, masked, autoencoder),
        *(own_step, own_loss, own_vocabulary),
    )
}


def run(k: Library, case: Callable[[Library], Any]) -> dict[str, Any]:
    """What training gives: the logs of three epochs, the weights after them, and outputs.

    Args:
      k: the library.
      case: one of `CASES`.
    """
    model, x, y = case(k)
    model(x if not isinstance(x, list) else [a[:2] for a in x])
    rng = np.random.RandomState(7)
    fresh = [np.asarray(rng.randn(*w.shape) * 0.4, "float32") for w in model.get_weights()]
    model.set_weights([np.abs(w) if np.ndim(w) < 2 else w for w in fresh])
    if not getattr(model, "compiled", False) and case.__name__ != "own_vocabulary":
        model.compile(k.optimizers.SGD(0.05, momentum=0.9), "mse", metrics=["mae"])
    told = {"epochs": 3, "batch_size": 4, "shuffle": False, "verbose": 0}
    history = model.fit(x, y, validation_data=(x, y), **told).history
    return {
        "logs": {name: [float(value) for value in history[name]] for name in sorted(history)},
        "weights": [np.asarray(weight) for weight in model.get_weights()],
        "outputs": np.asarray(model.predict(x, verbose=0)),
    }
