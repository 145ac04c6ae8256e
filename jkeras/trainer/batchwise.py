"""A trainer asked for one batch: an update, a judgement, outputs."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from jkeras.core import keys
from jkeras.core.errors import named_arguments
from jkeras.core.symbols import has_symbols
from jkeras.data.arrays import Arrays
from jkeras.trainer import inputs
from jkeras.trainer.phase import LogValues, floats
from jkeras.trainer.stepped import Stepped
from jkeras.trainer.subclassed import call_inside, is_inside_call


class Batchwise(Stepped):
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
        self._need_compilation(who)
        data = self._prepared(who, inputs.load(who, x, y, sample_weight, class_weight))
        assert isinstance(data, Arrays)
        with self._mode():
            self._values, _, logs = self._programs().train_batch(self._carry(), data.batch)
        return self._in_order(floats(logs), return_dict)

    @named_arguments
    def test_on_batch(
        self, x: Any, y: Any = None, sample_weight: Any = None, return_dict: bool = False
    ) -> Any:
        """The loss and the metrics of one batch, without training."""
        self._need_compilation("test_on_batch")
        data = self._prepared("test_on_batch", inputs.load("test_on_batch", x, y, sample_weight))
        assert isinstance(data, Arrays)
        values, programs = self._need_values(), self._programs()
        zeros = programs.eval_zeros()
        with self._mode():
            _, logs = programs.eval_batch(values.params, values.state, zeros, data.batch)
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
        self._check_predicts("call")
        arranged = getattr(self.net, "arranged", list)
        arrays = [jax.tree.map(jnp.asarray, x) for x in arranged(inputs)]
        self.build(*arrays)
        values = self._need_values()
        key = keys.child(values.key, "call") if training else None
        told = {**options, "key": key, "training": bool(training)}
        return self.net.apply(values.params, values.state, *arrays, **told)[0]

    def _in_order(self, logs: LogValues, return_dict: bool) -> Any:
        if return_dict:
            return dict(sorted(logs.items()))
        values = [logs[name] for name in self._log_order(logs)]
        return values if len(values) > 1 else values[0]
