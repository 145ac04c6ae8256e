"""A normalising flow: coupling layers with a Jacobian, trained by the likelihood of two moons."""

import keras
import numpy as np
from keras import layers, ops, regularizers

from tests.scripts.start import equal_weights

rng = np.random.default_rng(208)
t = rng.uniform(0, np.pi, 64)
upper = np.arange(64) % 2 == 0
moons = np.where(
    upper[:, None],
    np.stack([np.cos(t), np.sin(t)], axis=1),
    np.stack([1 - np.cos(t), 0.5 - np.sin(t)], axis=1),
)
moons += rng.normal(0, 0.05, moons.shape)
norm = layers.Normalization()
norm.adapt(moons)
normalized = np.asarray(norm(moons)).astype("float32")


def coupling(input_shape, width=8, reg=0.01):
    """A network that gives the scale and the translation of a coupling layer."""
    inputs = keras.Input(shape=(input_shape,))

    def branch(activation):
        x = inputs
        for _ in range(2):
            x = layers.Dense(width, activation="relu", kernel_regularizer=regularizers.l2(reg))(x)
        return layers.Dense(
            input_shape, activation=activation, kernel_regularizer=regularizers.l2(reg)
        )(x)

    return keras.Model(inputs=inputs, outputs=[branch("tanh"), branch("linear")])


class RealNVP(keras.Model):
    def __init__(self, num_coupling_layers):
        super().__init__()
        self.num_coupling_layers = num_coupling_layers
        self.masks = np.array([[0, 1], [1, 0]] * (num_coupling_layers // 2), dtype="float32")
        self.loss_tracker = keras.metrics.Mean(name="nll")
        self.layers_list = [coupling(2) for _ in range(num_coupling_layers)]

    @property
    def metrics(self):
        return [self.loss_tracker]

    def call(self, x, training=True):
        log_det_inv = 0
        direction = -1 if training else 1
        for i in range(self.num_coupling_layers)[::direction]:
            x_masked = x * self.masks[i]
            reversed_mask = 1 - self.masks[i]
            s, t = self.layers_list[i](x_masked)
            s *= reversed_mask
            t *= reversed_mask
            gate = (direction - 1) / 2
            x = (
                reversed_mask * (x * ops.exp(direction * s) + direction * t * ops.exp(gate * s))
                + x_masked
            )
            log_det_inv += gate * ops.sum(s, axis=1)
        return x, log_det_inv

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        z, logdet = y_pred
        prior = -0.5 * ops.sum(ops.square(z), axis=1) - np.log(2 * np.pi)
        loss = -ops.mean(prior + logdet)
        self.loss_tracker.update_state(loss)
        return loss + sum(self.losses)


model = RealNVP(num_coupling_layers=4)
model(normalized[:1])
equal_weights(model)
model.compile(optimizer=keras.optimizers.Adam(learning_rate=2e-3))
history = model.fit(normalized, batch_size=8, epochs=7, shuffle=False, verbose=0)
samples = rng.normal(size=(40, 2)).astype("float32")
z, logdet = model(normalized, training=True)
back, _ = model.predict(np.asarray(z), verbose=0)
made, _ = model.predict(samples, verbose=0)
result = {
    **history.history,
    "z": np.asarray(z),
    "logdet": np.asarray(logdet),
    "back": float(np.abs(back - normalized).max()) < 1e-3,
    "made": made,
    "penalty": float(sum(model.losses)),
    "count": model.count_params(),
}
saved = {"flow": (model, None), "coupling": (model.layers_list[0], normalized)}


def go_on(models):
    return model.fit(normalized, batch_size=8, epochs=1, shuffle=False, verbose=0).history


def step():
    model.fit(normalized, batch_size=8, epochs=1, shuffle=False, verbose=0)
