"""Modules of other libraries as layers.

`as_layer(module)` takes a `flax.linen` or `flax.nnx` module, a Haiku transform, an Equinox module,
a model or layer of Keras on its JAX backend,
or a bare pair `(init, apply)`. Trainers, chains and `Sequential` call it by themselves; in a graph
it is written: `as_layer(module)(x)`. The libraries are optional, and imported when one of their
modules arrives.
"""

from jkeras.models.adapters.recognition import (
    adapted,
    all_adapted,
    as_layer,
    library_of,
    trained_as,
)

__all__ = ["adapted", "all_adapted", "as_layer", "library_of", "trained_as"]
