"""Feature selection by gradients: gates that a penalty closes, and saliency of a gated network."""

import jax
import keras
import numpy as np
from keras import layers, ops

from tests.scripts.start import equal_weights

rng = np.random.default_rng(306)
x = rng.normal(size=(120, 10)).astype("float32")
y = (2 * x[:, 0] - x[:, 3] * x[:, 5] + 0.5 * x[:, 7] > 0).astype("float32")[:, None]


class Gate(layers.Layer):
    """A factor between 0 and 1 for each feature; the sum of the factors is a loss."""

    def __init__(self, strength=0.01, **kwargs):
        super().__init__(**kwargs)
        self.strength = strength

    def build(self, input_shape):
        self.logits = self.add_weight(
            shape=(input_shape[-1],), initializer=keras.initializers.Constant(1.0), name="logits"
        )

    def call(self, inputs):
        gates = ops.sigmoid(self.logits)
        self.add_loss(self.strength * ops.sum(gates))
        return inputs * gates

    def get_config(self):
        return {**super().get_config(), "strength": self.strength}


class GatedLinearUnit(layers.Layer):
    def __init__(self, units, **kwargs):
        super().__init__(**kwargs)
        self.units = units
        self.linear = layers.Dense(units)
        self.sigmoid = layers.Dense(units, activation="sigmoid")

    def call(self, inputs):
        return self.linear(inputs) * self.sigmoid(inputs)

    def get_config(self):
        return {**super().get_config(), "units": self.units}


model = keras.Sequential(
    [
        keras.Input((10,)),
        Gate(0.02, name="gate"),
        GatedLinearUnit(12),
        layers.LayerNormalization(),
        layers.Dense(1),
    ]
)
equal_weights(model)
model.get_layer("gate").set_weights([np.ones(10)])
model.compile(
    keras.optimizers.Adam(0.01),
    keras.losses.BinaryCrossentropy(from_logits=True),
    metrics=[keras.metrics.BinaryAccuracy(threshold=0.0)],
)
history = model.fit(x, y, batch_size=12, epochs=6, shuffle=False, verbose=0)

trainable = [v.value for v in model.trainable_variables]
rest = [v.value for v in model.non_trainable_variables]


@jax.jit
def attributions(x):
    """Integrated gradients from zero, by a sum over ten steps."""

    def score(x):
        return model.stateless_call(trainable, rest, x, training=False)[0].sum()

    grads = jax.vmap(lambda share: jax.grad(score)(share * x))(ops.linspace(0.05, 0.95, 10))
    return x * ops.mean(grads, axis=0)


importance = np.abs(np.asarray(attributions(ops.convert_to_tensor(x)))).mean(axis=0)
kept = np.sort(np.argsort(importance)[-4:])
small = keras.Sequential([keras.Input((4,)), layers.Dense(8, "relu"), layers.Dense(1)])
equal_weights(small)
small.compile("adam", keras.losses.BinaryCrossentropy(from_logits=True))
again = small.fit(x[:, kept], y, batch_size=12, epochs=3, shuffle=False, verbose=0)
result = {
    **history.history,
    "gates": np.asarray(ops.sigmoid(model.get_layer("gate").logits)),
    "importance": importance,
    "kept": kept,
    "again": again.history["loss"],
}
saved = {"gated": (model, x, y), "small": (small, x[:, kept], y)}
