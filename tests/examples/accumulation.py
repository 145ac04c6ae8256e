"""Gradient accumulation: four batches a step by the optimizer, by hand, and one large batch."""

import jax
import keras
import numpy as np
from keras import layers, ops

from tests.scripts.start import equal_weights

rng = np.random.default_rng(409)
x = rng.normal(size=(128, 6)).astype("float32")
y = (x[:, :1] - 0.5 * x[:, 1:2] ** 2).astype("float32")


def build(optimizer):
    model = keras.Sequential(
        [keras.Input((6,)), layers.Dense(12, activation="elu"), layers.Dense(1)]
    )
    equal_weights(model)
    model.compile(optimizer, "mse", metrics=["mae"])
    return model


small = build(keras.optimizers.Adam(5e-3, gradient_accumulation_steps=4))
accumulated = small.fit(x, y, batch_size=8, epochs=4, shuffle=False, verbose=0)
large = build(keras.optimizers.Adam(5e-3))
at_once = large.fit(x, y, batch_size=32, epochs=4, shuffle=False, verbose=0)
averaged = build(
    keras.optimizers.AdamW(5e-3, weight_decay=0.01, use_ema=True, ema_momentum=0.9, clipnorm=0.5)
)
smooth = averaged.fit(x, y, batch_size=16, epochs=4, shuffle=False, verbose=0)

by_hand = build(keras.optimizers.Adam(5e-3))
optimizer = by_hand.optimizer
optimizer.build(by_hand.trainable_variables)


def loss_fn(weights, x, y):
    predictions, _ = by_hand.stateless_call(weights, [], x, training=True)
    return ops.mean(ops.square(predictions - y))


@jax.jit
def step_of_four(weights, slots, x, y):
    """One update by the mean of four gradients."""

    def add(total, batch):
        loss, grads = jax.value_and_grad(loss_fn)(weights, *batch)
        return jax.tree.map(lambda a, b: a + b / 4, total, grads), loss

    zeros = jax.tree.map(ops.zeros_like, weights)
    grads, losses = jax.lax.scan(add, zeros, (x, y))
    weights, slots = optimizer.stateless_apply(slots, grads, weights)
    return weights, slots, ops.mean(losses)


weights = [np.array(v) for v in by_hand.trainable_variables]
slots = [np.array(v) for v in optimizer.variables]
losses = []
for _ in range(4):
    for start in range(0, 128, 32):
        batch = x[start : start + 32].reshape(4, 8, 6), y[start : start + 32].reshape(4, 8, 1)
        weights, slots, loss = step_of_four(weights, slots, *batch)
        losses.append(float(loss))
by_hand.set_weights([np.array(w) for w in weights])
result = {
    **{f"accumulated {k}": v for k, v in accumulated.history.items()},
    **{f"at once {k}": v for k, v in at_once.history.items()},
    **{f"averaged {k}": v for k, v in smooth.history.items()},
    "losses": losses,
    "same": bool(np.allclose(small.get_weights()[0], large.get_weights()[0], atol=1e-4)),
    "by hand": by_hand.predict(x[:16], verbose=0),
    "small": small.predict(x[:16], verbose=0),
    "iterations": [int(m.optimizer.iterations) for m in (small, large, averaged)],
}
saved = {"large": (large, x, y), "averaged": (averaged, x, y)}
