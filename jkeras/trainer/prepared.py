"""Data made ready for a model, and a model built for its data; and what came of it, in words."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import jax
import numpy as np

from jkeras.core import trees
from jkeras.data.streams import Stream
from jkeras.trainer import inputs
from jkeras.trainer.compiled import Compiled
from jkeras.trainer.explain import explanation
from jkeras.trainer.inputs import Data
from jkeras.trainer.placement import Placed, place


class Prepared(Compiled):
    """A compiled model that checks data against itself before any work is done.

    Args:
      net: anything with the layer contract.
      seed: an integer in [0, 2**32); the next default seed when left out.
      name: shown in summaries and messages.
    """

    def __init__(self, net: Any, *, seed: int | None = None, name: str | None = None) -> None:
        super().__init__(net, seed=seed, name=name)
        self._warned_of_pixels = False
        self._placed: Placed | None = None

    def explain(self, print_fn: Callable[[str], Any] = print) -> None:
        """Prints what runs and what it costs: the engine that feeds the data and why, what lies on
        the device, and for each compiled program how often it was traced, how long that took, its
        work per step, its steps per dispatch, and its share of what the device manages.

        Most of it is known after `fit`, `evaluate` or `predict`. Counting the work traces each
        program again; measuring the device takes a third of a second, once.

        Args:
          print_fn: called with the text.
        """
        print_fn(explanation(self._who, self._values, self._placed, self._made))

    def _prepared(
        self, who: str, data: Data, batch_size: int | None = None, *, targets: bool = True
    ) -> Any:
        """The data where they will be used, after building the model for them and checking that
        they go together. What is only predicted for is used once, and stays where it is.
        """
        self._build_if_known()
        if self._specs is not None:
            data = inputs.adjusted(data, who, tuple(_example_shape(spec) for spec in self._specs))
        batch = inputs.first_batch(who, data)
        self.build(*batch.inputs, rows=inputs.rows_of(data, batch, batch_size))
        self._warn_of_pixels(batch)
        inputs.check_first_layer(who, self.net, batch)
        if targets:
            self._check_targets(who, batch, inputs.rows_of(data, batch, batch_size))
            self._optimizer_met_data = True
        if isinstance(data, Stream):
            data.pads = self._programs().pads
        if not targets:
            return data
        self._placed = place(data, self._need_compilation(who).engine)
        return self._placed.data

    def _warn_of_pixels(self, batch: Any) -> None:
        """Says once that raw pixels go into a model that does not scale them."""
        largest = 0 if self._warned_of_pixels else inputs.raw_pixels(self.net, batch)
        if largest:
            self._warned_of_pixels = True
            warnings.warn(
                f"{self._who}: `x` holds uint8 images with values up to {largest}, which train "
                "badly. Scale them, x / 255.0, or begin the model with Rescaling(1 / 255).",
                stacklevel=5,
            )

    def _check_targets(self, who: str, batch: Any, size: int) -> None:
        """Asks the loss whether the targets go with it and with the model's outputs for `size`
        examples.
        """
        loss, values = self._need_compilation(who).loss, self._need_values()
        if loss is not None and batch.y is None:
            raise ValueError(
                f"{who}: expected targets for the loss {loss.log_name!r}, got `y` = None."
            )
        rows = jax.tree.map(lambda a: _spec_of_rows(a, size), batch.inputs)
        outputs = jax.eval_shape(
            lambda p, s, x: self.net.apply(p, s, *x)[0], values.params, values.state, rows
        )
        if not (hasattr(batch.y, "shape") and hasattr(outputs, "shape")):
            return
        if loss is not None:
            loss.check_data(np.asarray(batch.y), outputs)
        self._programs().meet(_spec_of_rows(batch.y, size), outputs)


def _spec_of_rows(array: Any, size: int) -> jax.ShapeDtypeStruct:
    """The spec of the first `size` rows, in the dtype that they have on the device."""
    return jax.ShapeDtypeStruct((size, *array.shape[1:]), trees.dtype_of(array.dtype))


def _example_shape(spec: Any) -> Any:
    return tuple(spec.shape[1:]) if hasattr(spec, "shape") else spec
