"""The same models hand-written in JAX and optax.

`raw-step` makes one jitted call a step with batches from the host, `raw-scan` one scan an epoch
over data on the device.
"""

from __future__ import annotations

import time
from typing import Any

import common

start = time.perf_counter()  # the imports below are what is timed, so they stand below
import jax  # noqa: E402
import jax.numpy as jnp  # noqa: E402
import numpy as np  # noqa: E402
import optax  # noqa: E402
from jax import lax  # noqa: E402

imports = time.perf_counter() - start
args = common.options()
(x, y), (x_test, y_test) = common.load(args.model)
glorot = jax.nn.initializers.glorot_uniform()
optimizer = optax.sgd(0.01) if args.optimizer == "sgd" else optax.adam(1e-3)
size, steps = args.batch_size, len(x) // args.batch_size


def init(key: jax.Array) -> list[jax.Array]:
    """The weights: kernel and bias of each layer in turn."""
    shapes: list[tuple[int, ...]] = [(784, 128), (128, 10)]
    if args.model == "cnn":
        shapes = [(3, 3, 1, 32), (3, 3, 32, 64), (1600, 10)]
    keys = jax.random.split(key, len(shapes))
    pairs = [(glorot(k, s), jnp.zeros(s[-1])) for k, s in zip(keys, shapes, strict=True)]
    return [leaf for pair in pairs for leaf in pair]


def logits(params: list[jax.Array], images: jax.Array, key: jax.Array | None) -> jax.Array:
    """The network; dropout where a key is given."""
    if args.model == "mlp":
        hidden = jax.nn.relu(images.reshape(len(images), -1) @ params[0] + params[1])
        return hidden @ params[2] + params[3]
    hidden = images
    for i in (0, 2):
        numbers = ("NHWC", "HWIO", "NHWC")
        hidden = lax.conv_general_dilated(
            hidden, params[i], (1, 1), "VALID", dimension_numbers=numbers
        )
        hidden = jax.nn.relu(hidden + params[i + 1])
        hidden = lax.reduce_window(hidden, -jnp.inf, lax.max, (1, 2, 2, 1), (1, 2, 2, 1), "VALID")
    hidden = hidden.reshape(len(hidden), -1)
    if key is not None:
        hidden = jnp.where(jax.random.bernoulli(key, 0.5, hidden.shape), hidden / 0.5, 0)
    return hidden @ params[4] + params[5]


def step(carry: Any, batch: Any) -> Any:
    """One update, with the loss and the accuracy that a user would watch."""
    params, state, key = carry
    key, own = jax.random.split(key)

    def loss_fn(params: Any) -> Any:
        scores = logits(params, batch[0], own if args.model == "cnn" else None)
        return optax.softmax_cross_entropy_with_integer_labels(scores, batch[1]).mean(), scores

    (loss, scores), grads = jax.value_and_grad(loss_fn, has_aux=True)(params)
    updates, state = optimizer.update(grads, state, params)
    accuracy = (scores.argmax(-1) == batch[1]).mean()
    return (optax.apply_updates(params, updates), state, key), (loss, accuracy)


@jax.jit
def evaluate(params: Any, images: Any, labels: Any) -> jax.Array:
    """The accuracy."""
    return (logits(params, images, None).argmax(-1) == labels).mean()


@jax.jit
def scan_epoch(carry: Any, key: jax.Array, images: Any, labels: Any) -> Any:
    """One epoch as one program."""
    order = jax.random.permutation(key, len(images))[: steps * size].reshape(steps, size)
    return lax.scan(lambda c, i: step(c, (images[i], labels[i])), carry, order)


one_step = jax.jit(step, donate_argnums=0)
params = init(jax.random.key(0))
carry = (params, optimizer.init(params), jax.random.key(1))
rng = np.random.default_rng(0)
if args.peer == "raw-scan":
    x, y = jax.device_put(x), jax.device_put(y)
    x_test, y_test = jax.device_put(x_test), jax.device_put(y_test)


def epoch() -> None:
    """An epoch and its validation."""
    global carry, accuracy
    if args.peer == "raw-scan":
        carry, _ = scan_epoch(carry, jax.random.key(rng.integers(1 << 31)), x, y)
    else:
        order = rng.permutation(len(x))
        for i in range(0, steps * size, size):
            index = order[i : i + size]
            carry, _ = one_step(carry, (x[index], y[index]))
    accuracy = float(evaluate(carry[0], x_test, y_test))


accuracy = 0.0
seconds = common.timed_epochs(args.epochs, epoch)
common.report(args, imports=imports, epochs=seconds, accuracy=accuracy)
