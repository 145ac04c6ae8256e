"""A prediction, from its first batch to its last."""

from __future__ import annotations

import dataclasses
import functools
from typing import Any

from jkeras.trainer.compiling.plan import Plan
from jkeras.trainer.loop import dispatch
from jkeras.trainer.loop.call import Call
from jkeras.trainer.loop.dispatch import Chunk
from jkeras.trainer.loop.parts import TrainerParts
from jkeras.trainer.preflight.data_arguments import Data
from jkeras.trainer.state.inference_rng import with_inference_rng


def predict(parts: TrainerParts, plan: Plan, data: Data, batch_size: int, call: Call) -> Any:
    """The outputs for a data set, as NumPy arrays; arguments as for `evaluate`."""
    callbacks, programs, state = call.callbacks, plan.programs, parts.state
    parts.stop_predicting = False
    callbacks.call("on_predict_begin", {})
    values = state.need_values()
    most, hears = call.between_hooks("predict"), callbacks.hears_batches("predict")
    call = dataclasses.replace(call, fixed=most)
    bar = call.bar()
    pace = call.begin(programs.pace("predict", batch_size), bar)
    outputs = dispatch.Outputs()

    def begin(step: int) -> None:
        if hears:
            callbacks.call("on_predict_batch_begin", step, {})

    def report(chunk: Chunk) -> None:
        bar.update(chunk.done, {})
        if chunk.value is not None:
            rows = outputs.add(*chunk.value)
            if hears:
                callbacks.call("on_predict_batch_end", chunk.done - 1, {"outputs": rows})

    carried = with_inference_rng(state, values)
    feeds = dispatch.eval_feeds(
        programs,
        data,
        size=batch_size,
        limit=call.limit,
        pace=pace,
        most=most,
        outputs_fn=functools.partial(programs.outputs_of, values.params, carried),
    )
    is_whole = False  # whether a feed has ended

    def stopped() -> bool:
        parts.stop_predicting = call.team.led(bool(parts.stop_predicting))
        return parts.stop_predicting and is_whole

    chunks = dispatch.predict(programs, values.params, carried, feeds, pace=pace, begin_fn=begin)
    for chunk in dispatch.read_late(
        chunks,
        pace,
        report,
        eager_fn=lambda _: most is not None,
        stopped_fn=stopped,
    ):
        is_whole = chunk.value is not None
    bar.finish({})
    callbacks.call("on_predict_end", {})
    return outputs.result()
