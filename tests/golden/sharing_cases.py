"""What Keras and jkeras both make of shared layers, of `super().call` and of masks by hand.

Each case takes the library and returns a list of numbers.

  - `SHARED`: a layer at several places of one model, or in wrappers of two models.
  - `SUPERS`: classes written over a layer of the library.
  - `MASKED`: layers called on arrays that carry masks.
"""

from __future__ import annotations

import types
from collections.abc import Callable
from typing import Any

import numpy as np

Library = types.ModuleType
Case = Callable[[Library], Any]
SHARED: dict[str, Case] = {}
SUPERS: dict[str, Case] = {}
MASKED: dict[str, Case] = {}

RNG = np.random.RandomState(0)
X = RNG.randn(4, 4).astype("float32")
STEPS = RNG.randn(4, 3, 4).astype("float32")
IMAGES = RNG.randn(2, 5, 5, 2).astype("float32")
IDS = np.array([[1, 2, 0], [3, 0, 0]])
PADDED = np.where(np.arange(3)[None, :, None] < np.array([2, 1, 3, 3])[:, None, None], STEPS, 0)


def case(table: dict[str, Case]) -> Callable[[Case], Case]:
    """Puts a function in a table under its name."""

    def put(function: Case) -> Case:
        table[function.__name__] = function
        return function

    return put


def ramped(holder: Any) -> Any:
    """A model or layer with each weight a ramp from -1 to 1."""
    ramps = [np.linspace(-1, 1, w.size).reshape(w.shape) for w in holder.get_weights()]
    holder.set_weights([ramp.astype("float32") for ramp in ramps])
    return holder


def numbers(*parts: Any) -> list[float]:
    """All numbers in arrays, in order."""
    return np.concatenate([np.asarray(part, "float64").ravel() for part in parts]).tolist()


def body(lib: Library, *layers: Any) -> Any:
    """Layers in a row on four features."""
    return lib.Sequential([lib.Input((4,)), *layers])


def sizes(*models: Any) -> list[int]:
    """The number of weights and of scalars in them, model by model."""
    return [n for model in models for n in (len(model.get_weights()), model.count_params())]


def block(lib: Library) -> Any:
    """A layer class that is made with a layer."""

    class Block(lib.layers.Layer):
        def __init__(self, inner: Any, **kwargs: Any) -> None:
            super().__init__(**kwargs)
            self.inner, self.head = inner, lib.layers.Dense(2)

        def call(self, inputs: Any) -> Any:
            return self.head(self.inner(inputs))

    return Block


# -- shared layers


@case(SHARED)
def bare_nested_written_and_distributed(lib: Library) -> Any:
    """One layer in a nested model, a written layer and TimeDistributed: trained as one."""
    layers = lib.layers
    dense = layers.Dense(3, kernel_regularizer="l2")
    x = lib.Input((4,))
    steps = layers.Reshape((2, 4))(layers.Concatenate()([x, x]))
    outputs = [body(lib, dense, layers.Dense(2))(x), block(lib)(dense)(x)]
    model = lib.Model(x, [*outputs, layers.TimeDistributed(dense)(steps)])
    model.compile(lib.optimizers.SGD(0.1, momentum=0.9), "mse")
    ramped(model)
    targets = [X[:, :2], X[:, :2] * 2, np.zeros((4, 2, 3))]
    history = model.fit(X, targets, batch_size=2, epochs=2, shuffle=False, verbose=0)
    return numbers(sizes(model), history.history["loss"], *model.get_weights())


@case(SHARED)
def statistics_of_two_places(lib: Library) -> Any:
    """One BatchNormalization bare and nested: its moving statistics are moved twice a step."""
    norm = lib.layers.BatchNormalization()
    x = lib.Input((4,))
    model = lib.Model(x, [body(lib, norm)(x), norm(x)])
    model.compile("sgd", "mse")
    model.fit(X + 3, [X, 2 * X], batch_size=2, epochs=1, shuffle=False, verbose=0)
    return numbers(sizes(model), *norm.get_weights())


@case(SHARED)
def two_models_with_one_layer_in_a_third(lib: Library) -> Any:
    """Two nested models with a layer in common, the common layer bare beside them."""
    dense = lib.layers.Dense(3)
    x = lib.Input((4,))
    parts = body(lib, dense), body(lib, dense, lib.layers.Dense(1))
    model = lib.Model(x, [dense(x), *(part(x) for part in parts)])
    return sizes(model, *parts)


@case(SHARED)
def an_encoder_in_two_models_in_a_third(lib: Library) -> Any:
    """A classifier and a decoder over one encoder, joined."""
    encoder = body(lib, lib.layers.Dense(3))
    x = lib.Input((4,))
    both = [lib.Model(x, lib.layers.Dense(n)(encoder(x))) for n in (1, 4)]
    return sizes(lib.Model(x, [model(x) for model in both]), *both)


@case(SHARED)
def written_layers_with_one_layer(lib: Library) -> Any:
    """A layer handed to two written layers of a written model."""

    class Twice(lib.Model):
        def __init__(self) -> None:
            super().__init__()
            self.dense = lib.layers.Dense(3)
            self.a, self.b = block(lib)(self.dense), block(lib)(self.dense)

        def call(self, inputs: Any) -> Any:
            return self.a(inputs) + self.b(inputs)

    model = Twice()
    model(X)
    return [*sizes(model), len(model.a.get_weights()), len(model.b.get_weights())]


@case(SHARED)
def wrapped_in_one_model_and_bare_in_another(lib: Library) -> Any:
    """What one model is given the other has: wrappers around a layer, cells in layers."""
    layers = lib.layers
    found = []
    for make in (layers.Dense, layers.GRUCell):
        inner = make(3)
        x = lib.Input((3, 4))
        if make is layers.Dense:
            outputs = [layers.SpectralNormalization(inner)(x), inner(x)]
        else:
            stack = layers.StackedRNNCells([inner])
            outputs = [layers.RNN(stack)(x), layers.RNN(inner, return_sequences=True)(x)]
        one, other = (lib.Model(x, output) for output in outputs)
        one.set_weights([np.full(w.shape, 2.0) for w in one.get_weights()])
        found += [weight.mean() for weight in other.get_weights()]
    return numbers(found)


@case(SHARED)
def directions_of_a_bidirectional(lib: Library) -> Any:
    """The backward layer that is given is shared; the forward one is made like the one given."""
    layers = lib.layers
    back, x = layers.LSTM(3, go_backwards=True), lib.Input((3, 4))
    around = layers.Bidirectional(layers.LSTM(3), backward_layer=back)
    model = lib.Model(x, around(x))
    parts = lib.Model(x, back(x)), lib.Model(x, around.forward_layer(x))
    model.set_weights([np.full(w.shape, 2.0 + i) for i, w in enumerate(model.get_weights())])
    return numbers(*([w.mean() for w in part.get_weights()] for part in parts))


@case(SHARED)
def called_by_hand(lib: Library) -> Any:
    """A layer called by hand bare and in wrappers."""
    layers = lib.layers
    dense = layers.Dense(3)
    dense(STEPS)
    ramped(dense)
    outputs = layers.TimeDistributed(dense)(STEPS), layers.SpectralNormalization(dense)(STEPS)
    return numbers(*outputs, dense.kernel)


# -- classes over a layer of the library


def over(lib: Library, kind: str, **methods: Any) -> Any:
    """A class over a layer class, with these methods."""
    return type("Own", (getattr(lib.layers, kind),), methods)


def trained(lib: Library, layer: Any, x: Any = X) -> list[float]:
    """Outputs of a model of one layer, and its weights after a step towards half of them."""
    model = ramped(lib.Sequential([lib.Input(x.shape[1:]), layer]))
    model.compile("sgd", "mse")
    outputs = model.predict(x, verbose=0)
    model.fit(x, outputs * 0.5, batch_size=len(x), verbose=0)
    return numbers(outputs, *model.get_weights())


@case(SUPERS)
def dense_doubled(lib: Library) -> Any:
    """`super().call` with an activation, a regularizer and a constraint."""

    class Own(lib.layers.Dense):
        def call(self, inputs: Any) -> Any:
            return 2 * super().call(inputs)

    options = {"kernel_regularizer": "l2", "kernel_constraint": "non_neg"}
    return trained(lib, Own(3, activation="tanh", **options))


@case(SUPERS)
def an_init_and_a_gain_from_build(lib: Library) -> Any:
    """`super().__init__`, `super().build` and a weight more."""

    class Own(lib.layers.Dense):
        def __init__(self, units: int, scale: float = 2.0, **kwargs: Any) -> None:
            super().__init__(units, **kwargs)
            self.scale = scale

        def build(self, input_shape: Any) -> None:
            super().build(input_shape)
            self.gain = self.add_weight(shape=(self.units,), initializer="ones", name="gain")

        def call(self, inputs: Any) -> Any:
            return self.scale * super().call(inputs) * self.gain

    return trained(lib, Own(3, scale=3.0))


@case(SUPERS)
def a_kernel_that_is_standardized(lib: Library) -> Any:
    """`self.kernel` and `self.bias` in a call that does without `super().call`."""

    class Own(lib.layers.Conv2D):
        def call(self, inputs: Any) -> Any:
            kernel = self.kernel - lib.ops.mean(self.kernel, axis=(0, 1, 2))
            return lib.ops.conv(inputs, kernel, padding=self.padding) + self.bias

    return trained(lib, Own(2, 3, padding="same"), IMAGES)


@case(SUPERS)
def statistics_of_the_layer_above(lib: Library) -> Any:
    """BatchNormalization's moving statistics move."""

    class Own(lib.layers.BatchNormalization):
        def call(self, inputs: Any, training: Any = None) -> Any:
            return 2 * super().call(inputs, training=training)

    model = lib.Sequential([lib.Input((4,)), Own()])
    model.compile("sgd", "mse")
    model.fit(X + 3, X, batch_size=4, verbose=0)
    return numbers(*model.get_weights(), model.predict(X, verbose=0))


@case(SUPERS)
def a_class_over_a_class(lib: Library) -> Any:
    """Two levels of `super().call`."""

    class Own(lib.layers.Dense):
        def call(self, inputs: Any) -> Any:
            return 2 * super().call(inputs)

    class Below(Own):
        def call(self, inputs: Any) -> Any:
            return super().call(inputs) + 1

    return trained(lib, Below(3))


@case(SUPERS)
def masks_through_the_layer_above(lib: Library) -> Any:
    """A scaled Embedding still makes masks."""

    class Own(lib.layers.Embedding):
        def call(self, inputs: Any) -> Any:
            return 2 * super().call(inputs)

    layers = [Own(6, 4, mask_zero=True), lib.layers.GlobalAveragePooling1D()]
    model = lib.Sequential([lib.Input((3,), dtype="int32"), *layers])
    return numbers(ramped(model).predict(IDS, verbose=0))


@case(SUPERS)
def called_by_hand_and_asked_for_its_kernel(lib: Library) -> Any:
    """Outside of models."""

    class Own(lib.layers.Dense):
        def call(self, inputs: Any) -> Any:
            return 2 * super().call(inputs)

    layer = Own(3, kernel_initializer="ones")
    return numbers(layer(X), layer.kernel)


# -- masks by hand


@case(MASKED)
def an_embedding_and_an_lstm(lib: Library) -> Any:
    """Padding is not read."""
    embedding, lstm = lib.layers.Embedding(6, 3, mask_zero=True), lib.layers.LSTM(2)
    lstm(embedding(IDS))
    ramped(embedding), ramped(lstm)
    hidden = embedding(IDS)
    return numbers(hidden._keras_mask, lstm(hidden))


@case(MASKED)
def masking_dense_dropout_and_a_mean(lib: Library) -> Any:
    """A mask goes through layers that know nothing of it."""
    layers = lib.layers
    hidden = layers.Dense(2, kernel_initializer="ones")(layers.Masking()(PADDED))
    return numbers(layers.GlobalAveragePooling1D()(layers.Dropout(0.5)(hidden)))


@case(MASKED)
def a_model_and_a_layer(lib: Library) -> Any:
    """A model's outputs carry the mask that is made in it."""
    model = lib.Sequential([lib.Input((3, 4)), lib.layers.Masking()])
    return numbers(lib.layers.GlobalAveragePooling1D()(model(PADDED)))


@case(MASKED)
def models_in_models(lib: Library) -> Any:
    """A mask made in a written model within a written model."""

    class Inner(lib.Model):
        def __init__(self) -> None:
            super().__init__()
            self.embedding = lib.layers.Embedding(6, 3, mask_zero=True)

        def call(self, inputs: Any) -> Any:
            return self.embedding(inputs)

    class Outer(lib.Model):
        def __init__(self) -> None:
            super().__init__()
            self.inner, self.lstm = Inner(), lib.layers.LSTM(2)

        def call(self, inputs: Any) -> Any:
            return self.lstm(self.inner(inputs))

    model = Outer()
    model(IDS)
    return numbers(ramped(model)(IDS))
