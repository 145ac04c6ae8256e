"""An evaluation, also that of a validation in `fit`, from its first batch to its last."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from jkeras.data.arrays import Arrays
from jkeras.trainer.compiling.plan import Plan
from jkeras.trainer.loop import dispatch
from jkeras.trainer.loop.call import Call
from jkeras.trainer.loop.dispatch import Chunk, LogValues, floats
from jkeras.trainer.preflight import data_arguments
from jkeras.trainer.preflight.data_arguments import Data
from jkeras.trainer.state.inference_rng import with_inference_rng
from jkeras.trainer.state.model_state import ModelState


def evaluate(state: ModelState, plan: Plan, data: Data, batch_size: int, call: Call) -> LogValues:
    """The logs of a data set, without training.

    Args:
      state: the model's.
      plan: for the data.
      data: where they will be used.
      batch_size: examples in a batch; of no meaning for a stream.
      call: callbacks and progress display.
    """
    callbacks, programs = call.callbacks, plan.programs
    callbacks.call("on_test_begin", {})
    values = state.need_values()
    watched, hears = callbacks.watches_batches("test"), callbacks.hears_batches("test")
    _, steps = data_arguments.sizes(data, batch_size, call.limit)
    call = dataclasses.replace(call, steps=steps, fixed=1 if watched else None)
    bar = call.bar()
    pace = call.begin(programs.pace("evaluate", batch_size), bar)

    def begin(step: int) -> None:
        if hears:
            callbacks.call("on_test_batch_begin", step, {})

    def report(chunk: Chunk) -> None:
        bar.update(chunk.done, chunk.logs)
        if hears:
            callbacks.call("on_test_batch_end", chunk.done - 1, floats(chunk.logs))

    size = min(batch_size, data.length) if isinstance(data, Arrays) else batch_size
    feeds = dispatch.eval_feeds(
        programs, data, size=size, limit=call.limit, pace=pace, watched=watched
    )
    carried = with_inference_rng(state, values, in_fit=call.interrupt is not None)
    chunks = dispatch.evaluate(programs, values.params, carried, feeds, pace=pace, begin_fn=begin)
    logs: Mapping[str, Any] = {}
    for chunk in dispatch.read_late(
        chunks, pace, report, eager_fn=lambda _: watched, stopped_fn=call.interrupted
    ):
        logs = chunk.logs
    logs = floats(logs)
    bar.finish(logs)
    callbacks.call("on_test_end", logs)
    return logs
