"""One batch at a time: an update, an evaluation, outputs, without epochs and callbacks."""

from __future__ import annotations

from typing import Any

from jkeras.core.errors import named_arguments
from jkeras.core.tracebacks import api_boundary
from jkeras.core.trees import Tree
from jkeras.data.arrays import ClassWeight
from jkeras.trainer.loop import one_batch
from jkeras.trainer.loop.error_notes import explained
from jkeras.trainer.loop.parts import TrainerParts
from jkeras.trainer.preflight import data_arguments
from jkeras.trainer.preflight.prepare import warn_of_random_weights


class OneBatchMixin:
    """Keras's methods for one batch."""

    _trainer_parts: TrainerParts

    @named_arguments
    def train_on_batch(
        self,
        x: Tree,
        y: Tree = None,
        sample_weight: Tree = None,
        class_weight: ClassWeight | None = None,
        return_dict: bool = False,
    ) -> Any:
        """One update on one batch; returns that batch's loss and metrics as `evaluate` does."""
        parts, who = self._trainer_parts, "train_on_batch"
        finite = parts.need_compilation(who).refuses_nans(who)
        kwargs = {"net": parts.state.net, "finite": finite}
        given = data_arguments.load_batch(who, x, y, sample_weight, class_weight, **kwargs)
        prepared = parts.prepare(who, given, given.length, kind="train", is_batch=True)
        batch = parts.place_batch(prepared.data)
        with parts.mode(), explained(parts, who, given.length):
            logs = one_batch.train_on_batch(parts, prepared.plan, batch)
        return prepared.plan.in_order(logs, return_dict)

    @named_arguments
    def test_on_batch(
        self, x: Tree, y: Tree = None, sample_weight: Tree = None, return_dict: bool = False
    ) -> Any:
        """The loss and the metrics of one batch, without training."""
        parts, who = self._trainer_parts, "test_on_batch"
        finite = parts.need_compilation(who).refuses_nans(who)
        net = parts.state.net
        given = data_arguments.load_batch(who, x, y, sample_weight, net=net, finite=finite)
        prepared = parts.prepare(who, given, given.length, kind="evaluate", is_batch=True)
        batch = parts.place_batch(prepared.data)
        with parts.mode():
            logs = one_batch.test_on_batch(parts.state, prepared.plan, batch)
        return prepared.plan.in_order(logs, return_dict)

    @api_boundary
    def predict_on_batch(self, x: Tree) -> Any:
        """The outputs of one batch, as NumPy arrays."""
        parts, who = self._trainer_parts, "predict"
        parts.steps.check_predicts(who, parts.state)
        given = data_arguments.load_batch(who, x, net=parts.state.net, finite=False)
        with parts.mode():
            warn_of_random_weights(parts.state)
        prepared = parts.prepare(who, given, given.length, kind="predict", is_batch=True)
        with parts.mode(), explained(parts, who, given.length):
            batch = parts.place_batch(prepared.data)
            return one_batch.predict_on_batch(parts.state, prepared.plan, batch)

    def reset_metrics(self) -> None:
        """Sets the metrics' sums to zero, as every epoch does by itself."""
        parts = self._trainer_parts
        one_batch.reset_sums(parts.state, parts.plans)
