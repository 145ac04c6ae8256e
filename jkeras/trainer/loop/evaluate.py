"""An evaluation, also that of a validation in `fit`, from its first batch to its last."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from jkeras.trainer.compiling.plan import Plan
from jkeras.trainer.loop import dispatch
from jkeras.trainer.loop.call import Call
from jkeras.trainer.loop.dispatch import Chunk, LogValues, floats
from jkeras.trainer.loop.parts import TrainerParts
from jkeras.trainer.preflight import data_arguments
from jkeras.trainer.preflight.data_arguments import Data
from jkeras.trainer.state.inference_rng import with_inference_rng


def evaluate(parts: TrainerParts, plan: Plan, data: Data, batch_size: int, call: Call) -> LogValues:
    """The logs of a data set, without training.

    Args:
      parts: of the trainer.
      plan: for the data.
      data: where they will be used.
      batch_size: examples in a batch; of no meaning for a stream.
      call: callbacks and progress display.
    """
    callbacks, programs, state = call.callbacks, plan.programs, parts.state
    parts.stop_evaluating = False
    callbacks.call("on_test_begin", {})
    values = state.need_values()
    most, hears = call.between_hooks("test"), callbacks.hears_batches("test")
    steps = data_arguments.steps_of(data, batch_size, call.limit)
    call = dataclasses.replace(call, steps=steps, fixed=most)
    bar = call.bar()
    pace = call.begin(programs.pace("evaluate", batch_size), bar)

    def begin(step: int) -> None:
        if hears:
            callbacks.call("on_test_batch_begin", step, {})

    def report(chunk: Chunk) -> None:
        bar.update(chunk.done, chunk.logs)
        if hears:
            callbacks.call("on_test_batch_end", chunk.done - 1, floats(chunk.logs))

    def stopped() -> bool:
        parts.stop_evaluating = call.team.led(bool(parts.stop_evaluating))
        return call.interrupted() or parts.stop_evaluating

    feeds = dispatch.eval_feeds(
        programs, data, size=batch_size, limit=call.limit, pace=pace, most=most
    )
    carried = with_inference_rng(state, values, in_fit=call.interrupt is not None)
    chunks = dispatch.evaluate(programs, values.params, carried, feeds, pace=pace, begin_fn=begin)
    logs: Mapping[str, Any] = {}
    for chunk in dispatch.read_late(
        chunks, pace, report, eager_fn=lambda _: most is not None, stopped_fn=stopped
    ):
        logs = chunk.logs
    logs = floats(logs)
    bar.finish(logs)
    callbacks.call("on_test_end", logs)
    return logs
