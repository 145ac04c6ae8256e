"""Running a phase to its end: with training, a validation, an evaluation, a prediction.

`Trainer` adds `fit`. What a phase does is a generator of `engine`; here it is followed, with its
bar and its callbacks.
"""

from __future__ import annotations

import dataclasses
import warnings
from collections.abc import Iterator, Mapping
from typing import Any

from jkeras.callbacks import CallbackList
from jkeras.core.errors import named_arguments
from jkeras.data.arrays import Arrays
from jkeras.trainer.compiling.pace import Chunk, Pace, latest
from jkeras.trainer.loop import dispatch as engine
from jkeras.trainer.loop import error_notes as faults
from jkeras.trainer.loop.one_batch import Batchwise
from jkeras.trainer.loop.phase import LogValues, Phase, floats
from jkeras.trainer.loop.resume import Run
from jkeras.trainer.preflight import data_arguments as inputs
from jkeras.trainer.preflight.data_arguments import Data
from jkeras.trainer.reports.progress import Progress
from jkeras.trainer.state import inference_rng as drawn
from jkeras.trainer.state import sharing


class Judging(Batchwise):
    """What asks a model: `evaluate` and `predict`; arguments as for `Trainer`."""

    def __init__(self, net: Any = None, **options: Any) -> None:
        super().__init__(net, **options)
        self.stop_training = False
        self._run: Run | None = None

    @named_arguments
    def evaluate(
        self,
        x: Any = None,
        y: Any = None,
        batch_size: int | None = None,
        verbose: int | str = "auto",
        sample_weight: Any = None,
        steps: int | None = None,
        callbacks: Any = None,
        return_dict: bool = False,
    ) -> Any:
        """The loss and the metrics on data, without training.

        Args:
          x, y, batch_size, verbose, sample_weight, callbacks: as for `fit`.
          steps: batches to look at, when not all of them.
          return_dict: a dict of names and values instead of a list.

        Returns:
          `[loss, *metrics]` in the order given to `compile`; the loss alone when there are no
          metrics. For several outputs in the order of `metrics_names`.
        """
        finite = self._need_compilation("evaluate").refuses_nans("evaluate")
        inputs.check_positive("evaluate", batch_size=batch_size, steps=steps)
        given = inputs.load("evaluate", x, y, sample_weight, finite=finite)
        data = self._prepared("evaluate", given, batch_size)
        size, known = inputs.sizes(data, batch_size, steps)
        listed = CallbackList(callbacks, model=self, verbose=verbose, epochs=1, steps=known)
        options = Phase(listed, verbose, None, known, steps)
        with self._mode(), faults.explained(self, "evaluate", size, options.close):
            return self._in_order(self._evaluation(data, size, options), return_dict)

    def _evaluation(self, data: Data, batch_size: int, options: Phase) -> LogValues:
        options.callbacks.call("on_test_begin", {})
        values, programs = self._need_values(), self._programs()
        watched = options.callbacks.watches_batches("test")
        _, steps = inputs.sizes(data, batch_size, options.limit)
        options = dataclasses.replace(options, steps=steps, fixed=1 if watched else None)
        bar = options.bar()
        pace = options.begin(programs.pace("evaluate", batch_size), bar)

        def begin(step: int) -> None:
            options.batch_hook("test", "begin", step, {})

        size = min(batch_size, data.length) if isinstance(data, Arrays) else batch_size
        feeds = engine.eval_feeds(
            programs, data, size=size, limit=options.limit, pace=pace, watched=watched
        )
        state = drawn.asked(self, values, in_fit=options.interrupt is not None)
        chunks = engine.evaluate(programs, values.params, state, feeds, pace=pace, begin_fn=begin)
        logs = self._follow("test", chunks, pace, options, bar)
        bar.finish(logs)
        options.callbacks.call("on_test_end", logs)
        return logs

    @named_arguments
    def predict(
        self,
        x: Any,
        batch_size: int | None = None,
        verbose: int | str = "auto",
        steps: int | None = None,
        callbacks: Any = None,
    ) -> Any:
        """The model's outputs for data.

        Args:
          x: as for `fit`.
          batch_size: examples at a time, 32 when left out.
          verbose, steps, callbacks: as for `evaluate`.

        Returns:
          A NumPy array `[examples, …]`, or the structure of arrays that the model returns.
        """
        self._check_predicts("predict")
        inputs.check_positive("predict", batch_size=batch_size, steps=steps)
        data = inputs.load("predict", x, finite=False)
        self._build_if_known()
        if self._values is None and not sharing.is_known(self):
            warnings.warn(
                f"{self._who}: `predict` before the model was built or trained: it is built now, "
                "and its weights are random. Call fit or load_weights first.",
                stacklevel=3,
            )
        data = self._prepared("predict", data, batch_size, targets=False)
        size, known = inputs.sizes(data, batch_size, steps)
        listed = CallbackList(callbacks, model=self, verbose=verbose, epochs=1, steps=known)
        options = Phase(listed, verbose, None, known, steps)
        with self._mode(), faults.explained(self, "predict", size, options.close):
            return self._prediction(data, size, options)

    def _prediction(self, data: Data, size: int, options: Phase) -> Any:
        options.callbacks.call("on_predict_begin", {})
        values, programs = self._need_values(), self._programs()
        watched = options.callbacks.watches_batches("predict")
        bar = options.bar()
        pace = dataclasses.replace(options, fixed=1 if watched else None).begin(
            programs.pace("predict", size), bar
        )
        where = (programs, values.params, drawn.asked(self, values))
        outputs = engine.Outputs()

        def begin(step: int) -> None:
            options.batch_hook("predict", "begin", step, {})

        def report(chunk: Chunk) -> None:
            bar.update(chunk.done, {})
            if chunk.value is not None:
                rows = outputs.add(*chunk.value)
                options.batch_hook("predict", "end", chunk.done - 1, {"outputs": rows})

        feeds = engine.predict_feeds(
            *where, data, size=size, limit=options.limit, pace=pace, watched=watched
        )
        chunks = engine.predict(*where, feeds, pace=pace, begin_fn=begin)
        for _ in latest(chunks, pace, report, eager_fn=lambda _: watched, stopped_fn=lambda: False):
            pass
        bar.finish({})
        options.callbacks.call("on_predict_end", {})
        return outputs.result()

    def _follow(
        self, phase: str, chunks: Iterator[Chunk], pace: Pace, options: Phase, bar: Progress
    ) -> LogValues:
        """Runs a phase to its end, or until Ctrl-C; returns its last logs."""
        watched = options.callbacks.watches_batches(phase)
        run = self._run if phase == "train" else None

        def report(chunk: Chunk) -> None:
            bar.update(chunk.done, chunk.logs)
            if options.callbacks.hears_batches(phase):
                options.batch_hook(phase, "end", chunk.done - 1, floats(chunk.logs))
            if run is not None:
                run.stepped(chunk.done, chunk.logs)

        def at_once(chunk: Chunk) -> bool:
            return watched or (run is not None and bool(run.due(chunk.done)))

        def stopped() -> bool:
            return options.interrupted() or (run is not None and self.stop_training)

        logs: Mapping[str, Any] = {} if run is None else run.logs
        if run is not None and run.batch and stopped():
            return floats(logs)  # it was stopped in the middle of this epoch before
        for chunk in latest(chunks, pace, report, eager_fn=at_once, stopped_fn=stopped):
            logs = chunk.logs
            if phase == "train":
                self._values = chunk.value
        return floats(logs)
