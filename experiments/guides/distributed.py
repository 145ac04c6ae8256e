"""Several devices: data parallelism, weights in parts by rules, and weights in parts by themselves.

    JAX_NUM_CPU_DEVICES=8 python experiments/guides/distributed.py --tiny

The first half runs with `import keras` in the place of the import below, too: meshes, layouts and
strategies have Keras's names. Without several devices it runs on one.
"""

from __future__ import annotations

import argparse

import numpy as np

import jkeras as keras

parser = argparse.ArgumentParser(description="Several devices.")
parser.add_argument("--tiny", action="store_true", help="little data")
parser.add_argument("--output", help="not used: nothing is written")
rows = 256 if parser.parse_args().tiny else 8192

random = np.random.default_rng(0)
x = random.normal(size=(rows, 28, 28, 1)).astype("float32")
y = random.integers(0, 10, rows)

# -- devices in a mesh, with a name for each axis

devices = keras.distribution.list_devices()
print("devices:", devices)
across = 2 if len(devices) % 2 == 0 else 1
line = keras.distribution.DeviceMesh((len(devices),), ["data"], devices)
grid = keras.distribution.DeviceMesh((across, len(devices) // across), ["data", "model"], devices)

# -- a layout says along which axes the dimensions of an array are cut; None is whole

by_rows = keras.distribution.TensorLayout(("data", None), line)
array = keras.ops.ones((8 * len(devices), 4))
print("cut by rows:", keras.distribution.distribute_tensor(array, by_rows).sharding.spec)


def network() -> keras.Model:
    """A small classifier, whose layers have names that rules can speak of."""
    inputs = keras.Input((28, 28, 1))
    hidden = keras.layers.Flatten()(inputs)
    hidden = keras.layers.Dense(64, activation="relu", use_bias=False, name="d1")(hidden)
    hidden = keras.layers.Dropout(0.2)(hidden)
    return keras.Model(inputs, keras.layers.Dense(10, activation="softmax", name="d2")(hidden))


def trained(model: keras.Model) -> float:
    """The loss of the last of three epochs."""
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    losses = model.fit(x, y, batch_size=64, epochs=3, verbose=0).history["loss"]
    assert losses[-1] < losses[0]
    loss, accuracy = model.evaluate(x, y, batch_size=64, verbose=0)
    print(f"loss {loss:.3f}, accuracy {accuracy:.0%}")
    return float(losses[-1])


# -- data parallelism: every device has all weights, and a part of each batch

keras.distribution.set_distribution(keras.distribution.DataParallel(device_mesh=line))
keras.utils.set_random_seed(0)
parallel = trained(network())

# -- model parallelism: weights, and what layers give, in parts as rules over their paths say

layouts = keras.distribution.LayoutMap(grid)
layouts["d1/kernel"] = (None, "model")
layouts["d1/output"] = ("data", "model")
layouts["d2/kernel"] = ("model", None)
layouts["d2/output"] = ("data", None)
by_rules = keras.distribution.ModelParallel(layout_map=layouts, batch_dim_name="data")
with by_rules.scope():
    keras.utils.set_random_seed(0)
    model = network()
    in_parts = trained(model)
    print("the kernel of d1:", model.get_layer("d1").kernel.value.sharding.spec)

assert abs(in_parts - parallel) < 1e-4 * parallel
keras.distribution.set_distribution(None)

# -- weights in parts without rules, and a strategy for one model alone: here only

if keras.__name__ == "jkeras":
    fsdp = keras.distribution.FullyShardedDataParallel(line)
    model = keras.Sequential([keras.Input((28, 28, 1)), keras.layers.Flatten()])
    model.add(keras.layers.Dense(64, activation="relu"))
    model.add(keras.layers.Dense(10, activation="softmax"))
    model.compile("adam", "sparse_categorical_crossentropy", distribution=fsdp)
    model.fit(x, y, batch_size=64, epochs=1, verbose=2)
    model.explain()
