"""A neural ODE: `ops.scan` over Runge-Kutta steps inside a layer; a spiral is learned."""

import keras
import numpy as np
from keras import layers, ops

from tests.scripts.start import equal_weights

STEPS, DT = 10, 0.15
matrix = np.array([[-0.1, 1.0], [-1.0, -0.1]])
rng = np.random.default_rng(309)
x0 = rng.uniform(-1.5, 1.5, (48, 2)).astype("float32")


def true_path(x):
    path = []
    for _ in range(STEPS):
        for _ in range(15):
            x = x + DT / 15 * (x**3 @ matrix.T)
        path.append(x)
    return np.stack(path, axis=1).astype("float32")


paths = true_path(x0)


@keras.saving.register_keras_serializable("ode")
class ODEBlock(layers.Layer):
    """The path of x' = f(x) from a start, by the classical method of fourth order."""

    def __init__(self, field, steps, dt, **kwargs):
        super().__init__(**kwargs)
        self.field, self.steps, self.dt = field, steps, dt

    def build(self, input_shape):
        self.field.build(input_shape)

    def call(self, x0):
        def rk4(x, _):
            k1 = self.field(x)
            k2 = self.field(x + self.dt / 2 * k1)
            k3 = self.field(x + self.dt / 2 * k2)
            k4 = self.field(x + self.dt * k3)
            x = x + self.dt / 6 * (k1 + 2 * k2 + 2 * k3 + k4)
            return x, x

        _, path = ops.scan(rk4, x0, None, length=self.steps)
        return ops.transpose(path, (1, 0, 2))

    def compute_output_shape(self, input_shape):
        return (input_shape[0], self.steps, *input_shape[1:])

    def get_config(self):
        field = keras.saving.serialize_keras_object(self.field)
        return {**super().get_config(), "field": field, "steps": self.steps, "dt": self.dt}

    @classmethod
    def from_config(cls, config):
        field = keras.saving.deserialize_keras_object(config.pop("field"))
        return cls(field, **config)


field = keras.Sequential(
    [
        keras.Input((2,)),
        layers.Dense(12, "tanh"),
        layers.Dense(2),
    ],
    name="field",
)
inputs = keras.Input((2,))
model = keras.Model(inputs, ODEBlock(field, STEPS, DT, name="ode")(inputs))
equal_weights(model)
model.compile(keras.optimizers.Adam(0.01), "mae", metrics=[keras.metrics.RootMeanSquaredError()])
history = model.fit(x0, paths, batch_size=8, epochs=8, shuffle=False, verbose=0)
grid = np.stack(np.meshgrid([-1.0, 0.0, 1.0], [-1.0, 0.0, 1.0]), axis=-1).reshape(-1, 2)
total, partial = ops.scan(lambda carry, x: (carry + x, carry * x), 0.0, ops.arange(5.0))
result = {
    **history.history,
    "paths": model.predict(x0[:8], verbose=0),
    "field": field.predict(grid, verbose=0),
    "scan": [float(total), *np.asarray(partial)],
    "shape": model.output_shape[1:],
}
saved = {"ode": (model, x0, paths)}
