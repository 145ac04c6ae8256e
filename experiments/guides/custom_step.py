"""Custom training: three ways to define what happens with a batch.

    python experiments/guides/custom_step.py --tiny

First a hand-written loop over pure functions; then a step function for `Trainer`, with progress
line, callbacks and one compiled program per epoch; last a loop over `train_on_batch`.
"""

from __future__ import annotations

import argparse
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

import jkeras
from jkeras import layers
from jkeras.training import TrainState, make_train_state, step_key

parser = argparse.ArgumentParser(description="A step of one's own.")
parser.add_argument("--tiny", action="store_true", help="little data")
parser.add_argument("--output", help="not used: nothing is written")
rows = 128 if parser.parse_args().tiny else 4000

random = np.random.default_rng(0)
x = random.normal(size=(rows, 4)).astype("float32")
y = np.tanh(x.sum(1, keepdims=True))

net = jkeras.models.Chain((layers.Dense(16, activation="tanh"), layers.Dense(1)))
optimizer = optax.adam(1e-2)


def noisy_loss(params: Any, state: Any, x: Any, y: Any, key: Any) -> Any:
    """The mean squared error for inputs with added noise."""
    outputs, _ = net.apply(params, state, x + 0.05 * jax.random.normal(key, x.shape))
    return jnp.mean(jnp.square(outputs - y))


# -- a hand-written loop: an epoch is a `scan`, because the step is pure

params, state = net.init(jax.random.key(0), jax.ShapeDtypeStruct((32, 4), jnp.float32))


@jax.jit
def epoch(params: Any, opt_state: Any, key: Any) -> Any:
    """One epoch: the new state, and the losses of the steps."""

    def step(carry: Any, batch: Any) -> Any:
        params, opt_state, key = carry
        key, own = jax.random.split(key)
        loss, grads = jax.value_and_grad(noisy_loss)(params, state, *batch, own)
        updates, opt_state = optimizer.update(grads, opt_state, params)
        return (optax.apply_updates(params, updates), opt_state, key), loss

    batches = x.reshape(-1, 32, 4), y.reshape(-1, 32, 1)
    return jax.lax.scan(step, (params, opt_state, key), batches)


carry: Any = (params, optimizer.init(params), jax.random.key(1))
for number in range(3):
    carry, losses = epoch(*carry)
    print(f"by hand, epoch {number + 1}: loss {float(losses.mean()):.4f}")

# -- the same step in a Trainer: (train_state, batch) -> (train_state, logs)


def init(key: Any, x: Any) -> TrainState:
    """The initial values for inputs of these specs."""
    params, _ = net.init(key, x)
    return make_train_state(key, params, opt_state=optimizer.init(params))


def train_step(train_state: TrainState, batch: Any) -> tuple[TrainState, dict[str, Any]]:
    """One update and its logs."""
    value_and_grad = jax.value_and_grad(noisy_loss)
    own = step_key(train_state)
    loss, grads = value_and_grad(train_state.params, state, batch.x, batch.y, own)
    updates, opt_state = optimizer.update(grads, train_state.opt_state, train_state.params)
    params = optax.apply_updates(train_state.params, updates)
    return train_state.replace(params=params, opt_state=opt_state), {"loss": loss}


trainer = jkeras.Trainer(net, train_step=train_step, init=init, seed=0)
trainer.fit(x, y, epochs=3, verbose=2)
print(
    "predictions:", np.round(trainer.predict(x[:3], verbose=0)[:, 0], 2), "for", y[:3, 0].round(2)
)

# -- a loop over batches, with the loss and the optimizer of `compile`

model = jkeras.Sequential([layers.Dense(16, activation="tanh"), layers.Dense(1)], seed=0)
model.compile(jkeras.optimizers.Adam(1e-2), "mse")
for start in range(0, rows, 32):
    batch = slice(start, start + 32)
    logs = model.train_on_batch(x[batch], y[batch], return_dict=True)
print("train_on_batch:", logs)
