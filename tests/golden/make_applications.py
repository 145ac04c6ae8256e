"""Writes `applications.json`: the sizes of Keras's networks, and outputs of the smallest ones.

Run from the project's root: KERAS_BACKEND=jax python tests/golden/make_applications.py

For each network: how many numbers its weights have, how many layers, and a hash of their names.
No weight gets a value: that would take minutes.
"""

import hashlib
import json
import math
import pathlib
import sys
from collections.abc import Iterable
from typing import Any

import jax
import keras
import numpy as np

sys.path.insert(0, str(pathlib.Path(__file__).parents[2]))

from tests.golden.applications_cases import SMALLEST, image, summary, weight

TARGET = pathlib.Path(__file__).with_name("applications.json")
NAMES = sorted(name for name in dir(keras.applications) if name[0].isupper())


def start_anew() -> None:
    """Clears the counters of names, and enters a scope in which weights get no values. It is never
    left, since they would then get them; clearing ends it.
    """
    keras.utils.clear_session()
    keras.StatelessScope().__enter__()


def hashed(parts: Iterable[object]) -> str:
    """A hash of the parts in order."""
    return hashlib.sha256("\n".join(map(str, parts)).encode()).hexdigest()[:16]


def sizes(name: str) -> dict[str, Any]:
    """What is known of a whole network."""
    start_anew()
    model = getattr(keras.applications, name)(weights=None)
    return {
        "parameters": sum(math.prod(w.shape) for w in model.weights),
        "layers": len(model.layers),
        "names": hashed(layer.name for layer in model.layers),
    }


def outputs(name: str, size: int) -> list[float]:
    """Features of an image from weights by rule."""
    start_anew()
    network = getattr(keras.applications, name)
    model = network(weights=None, include_top=False, input_shape=(size, size, 3), pooling="avg")
    values = {w.path: weight(i, w.shape, w.dtype) for i, w in enumerate(model.weights)}
    trained = [values[w.path] for w in model.trainable_variables]
    seeds = {w.path: np.zeros(w.shape, w.dtype) for w in model.non_trainable_variables}
    others = [values.get(path, seed) for path, seed in seeds.items()]
    call = jax.jit(lambda t, n, x: model.stateless_call(t, n, x, training=False)[0])
    return summary(call(trained, others, image(size)))


def main() -> None:
    table = {
        "keras": keras.__version__,
        "sizes": {name: sizes(name) for name in NAMES},
        "outputs": {name: outputs(name, size) for name, size in SMALLEST.items()},
    }
    TARGET.write_text(json.dumps(table, indent=1) + "\n")


if __name__ == "__main__":
    main()
