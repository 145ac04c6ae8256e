"""What a Trainer adds to a step of another library's module: its own jitted loop beside it.

    python experiments/benchmarks/foreign.py
    python experiments/benchmarks/foreign.py --libraries nnx equinox --rounds 9

The same network (dense layers, batch norm, dropout) is written in flax.linen, flax.nnx, Haiku and
Equinox. Each is trained twice on the same digits: by `jkeras.Trainer(module)`, and by a loop
written by hand with the library's own calls, in which one jitted function with donated values takes
a batch from data on the device and makes an update with optax. The two take turns, a few epochs
each; what counts is the median of the epochs. What `fit` does once, before its first epoch, is not
counted.
"""

from __future__ import annotations

import argparse
import importlib.util
import statistics
import time
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

import jkeras

CLASSES, BATCH, DROPPED = 10, 128, 0.2
EPOCHS = 3  # of a turn
Turn = Callable[[], list[float]]
"""Trains for `EPOCHS` epochs; returns the seconds of each."""


def cross_entropy(logits: Any, y: Any) -> Any:
    """The mean loss of a batch."""
    return optax.softmax_cross_entropy_with_integer_labels(logits, y).mean()


def loop(values: Any, loss: Any, x: Any, y: Any) -> Turn:
    """A turn of a hand-written loop.

    Args:
      values: (params, rest): what is trained, and what else is carried.
      loss: (params, rest, x, y, key) -> (loss, rest).
      x, y: the data.
    """
    optimizer = optax.adam(1e-3)
    carried = [(*values, optimizer.init(values[0]), jax.random.key(0))]
    steps = len(x) // BATCH

    def step(carry: Any, x: Any, y: Any, order: Any, number: Any) -> tuple[Any, Any]:
        params, rest, slots, key = carry
        rows = jax.lax.dynamic_slice_in_dim(order, number * BATCH, BATCH)
        own = jax.random.fold_in(key, number)
        value_and_grad = jax.value_and_grad(loss, has_aux=True)
        (value, rest), grads = value_and_grad(params, rest, x[rows], y[rows], own)
        updates, slots = optimizer.update(grads, slots, params)
        return (optax.apply_updates(params, updates), rest, slots, key), value

    jitted = jax.jit(step, donate_argnums=0)
    x, y = jnp.asarray(x), jnp.asarray(y)

    def epoch() -> float:
        start = time.perf_counter()
        carry, total = carried.pop(), 0.0
        order = jax.random.permutation(carry[-1], len(x))
        for number in range(steps):
            carry, value = jitted(carry, x, y, order, number)
            total = total + value
        float(total)
        carried.append(carry)
        return time.perf_counter() - start

    return lambda: [epoch() for _ in range(EPOCHS)]


def of_linen(width: int, x: Any, y: Any) -> tuple[Any, Turn]:
    """The module in flax.linen, and its own loop."""
    import flax.linen as nn

    class Net(nn.Module):
        @nn.compact
        def __call__(self, x: Any, train: bool) -> Any:
            for _ in range(2):
                x = nn.relu(nn.BatchNorm(use_running_average=not train)(nn.Dense(width)(x)))
                x = nn.Dropout(DROPPED, deterministic=not train)(x)
            return nn.Dense(CLASSES)(x)

    net = Net()
    made = net.init(jax.random.key(0), x[:1], train=False)

    def loss(params: Any, stats: Any, x: Any, y: Any, key: Any) -> tuple[Any, Any]:
        given = {"params": params, "batch_stats": stats}
        told: dict[str, Any] = {"rngs": {"dropout": key}, "mutable": ["batch_stats"]}
        logits, new = net.apply(given, x, train=True, **told)
        return cross_entropy(logits, y), new["batch_stats"]

    return net, loop((made["params"], made["batch_stats"]), loss, x, y)


def of_nnx(width: int, x: Any, y: Any) -> tuple[Any, Turn]:
    """The module in flax.nnx, and its own loop."""
    from flax import nnx

    class Net(nnx.Module):
        def __init__(self, rngs: Any) -> None:
            sizes = (x.shape[1], width)
            self.dense = nnx.List([nnx.Linear(size, width, rngs=rngs) for size in sizes])
            self.norms = nnx.List([nnx.BatchNorm(width, rngs=rngs) for _ in range(2)])
            self.dropout = nnx.Dropout(DROPPED, rngs=rngs)
            self.last = nnx.Linear(width, CLASSES, rngs=rngs)

        def __call__(self, x: Any) -> Any:
            for dense, norm in zip(self.dense, self.norms, strict=True):
                x = self.dropout(nnx.relu(norm(dense(x))))
            return self.last(x)

    net = Net(nnx.Rngs(0))
    parts: Any = nnx.split(Net(nnx.Rngs(0)), nnx.Param, ...)
    graph, params, rest = parts

    def loss(params: Any, rest: Any, x: Any, y: Any, key: Any) -> tuple[Any, Any]:
        del key  # the module has its own stream
        module = nnx.merge(graph, params, jax.tree.map(lambda leaf: leaf, rest))
        value = cross_entropy(module(x), y)
        new: Any = nnx.split(module, nnx.Param, ...)
        return value, new[2]

    return net, loop((params, rest), loss, x, y)


def of_haiku(width: int, x: Any, y: Any) -> tuple[Any, Turn]:
    """The transformed function in Haiku, and its own loop."""
    import haiku as hk

    def net(x: Any, is_training: bool) -> Any:
        for _ in range(2):
            x = jax.nn.relu(hk.BatchNorm(True, True, 0.99)(hk.Linear(width)(x), is_training))
            x = hk.dropout(hk.next_rng_key(), DROPPED, x) if is_training else x
        return hk.Linear(CLASSES)(x)

    transformed = hk.transform_with_state(net)
    values = transformed.init(jax.random.key(0), x[:2], is_training=True)

    def loss(params: Any, state: Any, x: Any, y: Any, key: Any) -> tuple[Any, Any]:
        logits, state = transformed.apply(params, state, key, x, is_training=True)
        return cross_entropy(logits, y), state

    return transformed, loop(values, loss, x, y)


def of_equinox(width: int, x: Any, y: Any) -> tuple[Any, Turn]:
    """The module in Equinox with its state, and its own loop."""
    import equinox as eqx

    class Net(eqx.Module):
        dense: list[Any]
        norms: list[Any]
        dropout: Any

        def __init__(self, key: Any) -> None:
            keys = jax.random.split(key, 3)
            sizes = zip((x.shape[1], width, width), (width, width, CLASSES), keys, strict=True)
            self.dense = [eqx.nn.Linear(before, after, key=key) for before, after, key in sizes]
            self.norms = [eqx.nn.BatchNorm(width, "batch", mode="batch") for _ in range(2)]
            self.dropout = eqx.nn.Dropout(DROPPED)

        def __call__(self, x: Any, state: Any, *, key: Any = None) -> Any:
            for number, norm in enumerate(self.norms):
                x, state = norm(self.dense[number](x), state)
                own = None if key is None else jax.random.fold_in(key, number)
                x = self.dropout(jax.nn.relu(x), key=own)
            return self.dense[-1](x), state

    def made() -> Any:
        return eqx.nn.make_with_state(Net)(jax.random.key(0))

    values = made()
    params, static = eqx.partition(values[0], eqx.is_inexact_array)

    def loss(params: Any, state: Any, x: Any, y: Any, key: Any) -> tuple[Any, Any]:
        def one(x: Any, key: Any) -> Any:
            return eqx.combine(params, static)(x, state, key=key)

        keys = jax.random.split(key, len(x))
        logits, new = jax.vmap(one, axis_name="batch", out_axes=(0, None))(x, keys)
        return cross_entropy(logits, y), new

    return made(), loop((params, values[1]), loss, x, y)


LIBRARIES = {"linen": of_linen, "nnx": of_nnx, "haiku": of_haiku, "equinox": of_equinox}
PACKAGES = {"linen": "flax", "nnx": "flax", "haiku": "haiku", "equinox": "equinox"}


def trained(module: Any, x: Any, y: Any) -> Turn:
    """A turn of a Trainer around the module."""
    trainer = jkeras.Trainer(module, seed=0)
    loss = jkeras.losses.SparseCategoricalCrossentropy(from_logits=True)
    trainer.compile(optax.adam(1e-3), loss, engine="resident")
    moments: list[float] = []

    def note(epoch: int, logs: Any) -> None:
        del epoch, logs
        moments.append(time.perf_counter())

    clock = jkeras.callbacks.LambdaCallback(on_epoch_begin=note, on_epoch_end=note)

    def turn() -> list[float]:
        moments.clear()
        trainer.fit(x, y, batch_size=BATCH, epochs=EPOCHS, verbose=0, callbacks=[clock])
        return [end - begin for begin, end in zip(moments[::2], moments[1::2], strict=True)]

    return turn


def milliseconds(turns: Sequence[Turn], rounds: int, steps: int) -> list[float]:
    """The median milliseconds a step of each, after one turn that compiles."""
    found: list[list[float]] = [[] for _ in turns]
    for number in range(rounds + 1):
        for taken, turn in zip(found, turns, strict=True):
            seconds = turn()
            taken += seconds if number else []
    return [1000 * statistics.median(taken) / steps for taken in found]


def digits(count: int) -> tuple[np.ndarray, np.ndarray]:
    """Digits as rows of 784 numbers, a whole number of batches of them, and their labels."""
    (x, y), _ = jkeras.datasets.mnist.load_sample()
    count = min(count, len(x)) // BATCH * BATCH
    return x[:count].reshape(count, -1).astype(np.float32) / 255, y[:count].astype(np.int32)


def main(argv: Sequence[str] | None = None) -> None:
    """Prints milliseconds a step and their ratio, library by library."""
    parser = argparse.ArgumentParser(description="A Trainer beside hand-written loops.")
    parser.add_argument("--libraries", nargs="+", choices=LIBRARIES, default=list(LIBRARIES))
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--width", type=int, default=256)
    parser.add_argument("--tiny", action="store_true", help="one library, one round: does it run?")
    parser.add_argument("--output", help="ignored: nothing is written")
    args = parser.parse_args(argv)
    x, y = digits(256 if args.tiny else 8_000)
    rounds, width = (1, 16) if args.tiny else (args.rounds, args.width)
    print(f"{'library':<10}{'by hand':>12}{'Trainer':>12}{'ratio':>8}")
    for name in args.libraries[:1] if args.tiny else args.libraries:
        if importlib.util.find_spec(PACKAGES[name]) is None:
            print(f"{name:<10}skipped, not installed")
            continue
        module, by_hand = LIBRARIES[name](width, x, y)
        turns = (by_hand, trained(module, x, y))
        own, ours = milliseconds(turns, rounds, len(x) // BATCH)
        print(f"{name:<10}{own:9.3f} ms{ours:9.3f} ms{ours / own:8.2f}")


if __name__ == "__main__":
    main()
