"""A trainer asked for one batch: an update, a judgement, outputs."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from jkeras.core import trees
from jkeras.core.errors import describe, named_arguments
from jkeras.core.symbols import has_symbols
from jkeras.data.arrays import Arrays
from jkeras.keras_classes.array_masks import masks_of, with_masks
from jkeras.keras_classes.step_context import call_in_step, is_in_step
from jkeras.keras_classes.subclassed_model import call_inside, is_inside_call
from jkeras.trainer.asked import AskedModel
from jkeras.trainer.loop import error_notes as faults
from jkeras.trainer.loop import nan_watch
from jkeras.trainer.loop.phase import LogValues, floats
from jkeras.trainer.preflight import data_arguments as inputs
from jkeras.trainer.state import inference_rng as drawn
from jkeras.training.state import TrainState


def _masked(net: Any, values: Any, arrays: list[Any], masks: list[Any], told: Any) -> Any:
    """The outputs of a net that hears of masks, with theirs."""
    if "mask" in told or not hasattr(net, "apply_with_mask"):
        return net.apply(values.params, values.state, *arrays, **told)[0]
    told = {**told, "masks": masks}
    outputs, _, made = net.apply_with_mask(values.params, values.state, *arrays, **told)
    return with_masks(outputs, made)


class Batchwise(AskedModel):
    """What a trainer does with a single batch, without epochs, callbacks and a bar."""

    @named_arguments
    def train_on_batch(
        self,
        x: Any,
        y: Any = None,
        sample_weight: Any = None,
        class_weight: dict[int, float] | None = None,
        return_dict: bool = False,
    ) -> Any:
        """One update on one batch; returns that batch's loss and metrics as `evaluate` does."""
        who = "train_on_batch"
        compiled = self._need_compilation(who)
        finite = compiled.refuses_nans(who)
        given = inputs.load(who, x, y, sample_weight, class_weight, finite=finite)
        data = self._prepared(who, given)
        assert isinstance(data, Arrays)
        carry, programs = self._carry(), self._programs()
        before = trees.copy(carry) if compiled.check_nans else None
        skipped = nan_watch.count_skipped(carry)
        with self._mode(), faults.explained(self, who, data.length):
            self._values, _, logs = programs.train_batch(carry, data.batch)
        if before is not None:
            self._refuse(who, before, logs, data)
        nan_watch.tell_of_skipped_batch(who, self._need_values(), skipped)
        return self._in_order(floats(logs), return_dict)

    def _refuse(self, who: str, before: TrainState, logs: Any, data: Arrays) -> None:
        """Raises for a step that made something else than numbers, after putting back the state."""
        after, objective = self._need_values(), self._programs().objective
        error = nan_watch.checked(who, objective, before, after, logs, lambda: data.batch)
        if error is not None:
            self._values = before
            raise error

    @named_arguments
    def test_on_batch(
        self, x: Any, y: Any = None, sample_weight: Any = None, return_dict: bool = False
    ) -> Any:
        """The loss and the metrics of one batch, without training."""
        who = "test_on_batch"
        finite = self._need_compilation(who).refuses_nans(who)
        data = self._prepared(who, inputs.load(who, x, y, sample_weight, finite=finite))
        assert isinstance(data, Arrays)
        values, programs = self._need_values(), self._programs()
        zeros = programs.eval_zeros()
        with self._mode():
            state = drawn.asked(self, values)
            _, logs = programs.eval_batch(values.params, state, zeros, data.batch)
        return self._in_order(floats(logs), return_dict)

    def reset_metrics(self) -> None:
        """Sets the metrics' sums to zero, as every epoch does by itself."""
        self._values = self._need_values().replace(sums=self._programs().zeros())

    def predict_on_batch(self, x: Any) -> Any:
        """The outputs of one batch, as NumPy arrays."""
        return self.predict(x, batch_size=len(jax.tree.leaves(x)[0]), verbose=0)

    def __call__(self, *inputs: Any, training: bool | None = None, **options: Any) -> Any:
        """The outputs for arrays, as JAX arrays; with `training=True` as in a step, dropout on.

        Called on what `Input` or layers returned, the model becomes a layer of a graph, which
        shares its weights; `training=` and `mask=` are then those of a layer's call.
        """
        if has_symbols(inputs, options):
            told = options if training is None else {**options, "training": training}
            return self._on_symbols(inputs, told)
        if is_inside_call():
            return call_inside(self, inputs, {**options, "training": training})
        if is_in_step():
            told = {**options, "training": bool(training)}
            outputs = call_in_step(self.as_layer(), inputs, told)
            if outputs is not NotImplemented:
                return outputs
        self._check_predicts("call")
        arranged = getattr(self.net, "arranged", list)
        self._check_given(inputs, options)
        arrays = [jax.tree.map(self._as_array, x) for x in arranged(inputs)]
        self.build(*arrays)
        values = self._need_values()
        key = drawn.next_key(self, values) if training or drawn.draws(self) else None
        told = {**options, "key": key, "training": bool(training)}
        masks = masks_of(arrays)
        if jax.tree.leaves(masks) or getattr(self.net, "makes_masks", False):
            return _masked(self.net, values, arrays, masks, told)
        outputs, state = self.net.apply(values.params, values.state, *arrays, **told)
        self._note_losses(state)
        return outputs

    def _check_given(self, inputs: tuple[Any, ...], options: dict[str, Any]) -> None:
        given = inputs[0] if inputs else options or None
        if given is None:
            what = "None. A function that shall give it may lack its `return`" if inputs else "none"
            fix = "" if inputs else " Write model(x)."
            raise TypeError(f"{self._who}: expected an input, got {what}.{fix}")

    def _as_array(self, value: Any) -> jax.Array:
        try:
            return jnp.asarray(value)
        except TypeError as error:
            raise TypeError(
                f"{self._who}: expected arrays of numbers, got {describe(value)}."
            ) from error

    def _in_order(self, logs: LogValues, return_dict: bool) -> Any:
        if return_dict:
            return dict(sorted(logs.items()))
        values = [logs[name] for name in self._log_order(logs)]
        return values if len(values) > 1 else values[0]
