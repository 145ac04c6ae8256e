"""A physics-informed network in float64: u'' = -π² sin(πx), u(0) = u(1) = 0."""

import jax
import keras
import numpy as np
from keras import layers, ops

from tests.scripts.start import equal_weights

jax.config.update("jax_enable_x64", True)
keras.config.set_floatx("float64")


class PINN(keras.Model):
    """u(x) = x (1 - x) N(x), so that the boundary values hold."""

    def __init__(self, width=12, **kwargs):
        super().__init__(**kwargs)
        self.width = width
        self.hidden = [layers.Dense(width, activation="tanh") for _ in range(2)]
        self.out = layers.Dense(1)

    def call(self, x):
        h = x
        for layer in self.hidden:
            h = layer(h)
        return x * (1 - x) * self.out(h)

    def get_config(self):
        return {**super().get_config(), "width": self.width}


pinn = PINN()
points = np.linspace(0, 1, 33)[:, None]
pinn(points)
equal_weights(pinn)
dtypes = sorted({str(v.dtype) for v in pinn.variables})
optimizer = keras.optimizers.Adam(5e-3)
optimizer.build(pinn.trainable_variables)


def residual(weights, x):
    def u(x):
        return pinn.stateless_call(weights, [], x[None, None])[0][0, 0]

    second = jax.vmap(jax.grad(jax.grad(u)))(x[:, 0])
    return second + np.pi**2 * ops.sin(np.pi * x[:, 0])


def loss_fn(weights, x):
    return ops.mean(ops.square(residual(weights, x)))


@jax.jit
def train_step(weights, slots, x):
    loss, grads = jax.value_and_grad(loss_fn)(weights, x)
    weights, slots = optimizer.stateless_apply(slots, grads, weights)
    return loss, weights, slots


weights = [v.value for v in pinn.trainable_variables]
slots = [v.value for v in optimizer.variables]
losses = []
for _ in range(60):
    loss, weights, slots = train_step(weights, slots, points)
    losses.append(float(loss))
start = jax.tree.map(np.array, (weights, slots))
for variable, value in zip(pinn.trainable_variables, weights, strict=True):
    variable.assign(value)

u = pinn.predict(points, verbose=0)
exact = np.sin(np.pi * points)
result = {
    "losses": losses,
    "u": u,
    "dtypes": [dtypes == ["float64"], str(u.dtype) == "float64", losses[-1].is_integer()],
    "error": float(np.abs(u - exact).max()),
    "floatx": keras.config.floatx() == "float64",
}
saved = {"pinn": (pinn, points)}


def go_on(models):
    again = models["pinn"]
    again.compile(keras.optimizers.Adam(1e-3), "mse")
    return again.fit(points, exact, batch_size=8, epochs=2, shuffle=False, verbose=0).history


def step():
    jax.block_until_ready(train_step(*start, points))
