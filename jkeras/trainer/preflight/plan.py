"""Data made ready for a model, and a model built for its data; and what came of it, in words."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from jkeras.core import trees
from jkeras.core.batch import Batch
from jkeras.data.streams import Stream
from jkeras.trainer.compiling.compilation import Compiled
from jkeras.trainer.loop.error_notes import explained
from jkeras.trainer.preflight import data_arguments as inputs
from jkeras.trainer.preflight.data_arguments import Data
from jkeras.trainer.preflight.late_batches import LateBatches, rows_of_numbers
from jkeras.trainer.preflight.placement import Placed, place
from jkeras.trainer.reports.explain import explanation
from jkeras.trainer.state import adapted_layers as adapting
from jkeras.training.objective import Objective, Part


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
        specs = self._specs
        shapes = None if specs is None else tuple(_example_shape(spec) for spec in specs)
        data = inputs.adjusted(data, who, self.net, shapes)
        batch = inputs.first_batch(who, data)
        self.build(*batch.inputs, rows=inputs.rows_of(data, batch, batch_size))
        self._warn_of_pixels(batch)
        inputs.check_first_layer(who, self.net, batch)
        adapting.check_ready(who, self.net, self._need_values().state)
        if targets:
            self._check_targets(who, batch, inputs.rows_of(data, batch, batch_size))
            self._optimizer_met_data = True
        if isinstance(data, Stream):
            data.pads = self._programs().pads
            data.check_fn = self._late_batches(who, batch, targets=targets)
        if not targets:
            return data
        with explained(self, who, batch_size):
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

    def _check_targets(self, who: str, batch: Batch, size: int) -> None:
        """Asks the losses whether the targets go with them and with the model's outputs for `size`
        examples.
        """
        outputs = self._outputs_of(*trees.specs_of_rows(batch.inputs, size))
        programs = self._programs()
        try:
            objective = programs.objective.met(outputs)
            parts = objective.parts(batch, outputs)
        except ValueError as error:
            raise ValueError(f"{who}: {error}") from None
        finite = self._need_compilation(who).refuses_nans(who)
        for part in parts:
            _check_part(who, part, len(parts), finite)
        programs.meet(Batch(None, trees.specs_of_rows(batch.y, size)), outputs)
        self._match_sums()

    def _late_batches(self, who: str, first: Batch, *, targets: bool) -> LateBatches:
        """What looks at the batches of a stream that come later."""
        programs = self._programs()
        # Steps of one's own have other objectives, and compare outputs and targets themselves.
        known = type(programs.objective) is Objective
        objective = programs.objective if known and targets else None
        finite = not targets or self._need_compilation(who).refuses_nans(who)
        told = {"finite": finite, "whole": not programs.pads}
        return LateBatches(who, first, objective, self._outputs_of if known else None, **told)

    def _match_sums(self) -> None:
        """Sums as this batch wants them, where those that are carried have another structure."""
        values, zeros = self._need_values(), self._programs().zeros()
        if trees.specs(values.sums) != trees.specs(zeros):
            self._values = values.replace(sums=zeros)


def _check_part(who: str, part: Part, count: int, finite: bool) -> None:
    """Asks the loss of one output of `count`; errors name the output where there are several.
    Without `finite` it is asked about the rows of numbers alone.
    """
    loss = part.goal.loss
    if loss is None:
        return
    if part.y is None:
        raise ValueError(f"{who}: expected targets for the loss {loss.log_name!r}, got `y` = None.")
    try:
        y = np.asarray(part.y)
        loss.check_data(y if finite else rows_of_numbers(y), part.outputs)
    except (TypeError, ValueError) as error:
        if count == 1:
            raise
        raise type(error)(f"{who}: output {part.goal.called}: {error}") from None


def _example_shape(spec: Any) -> Any:
    return tuple(spec.shape[1:]) if hasattr(spec, "shape") else spec
