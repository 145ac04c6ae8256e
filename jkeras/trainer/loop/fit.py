"""The epochs of a run, from the first to the last: training, validation, callbacks."""

from __future__ import annotations

import dataclasses
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import jax

from jkeras import optimizers
from jkeras.core import computed_weights, trees
from jkeras.core.session import limited_steps
from jkeras.data.streams import Stream
from jkeras.display import epoch_header
from jkeras.trainer.compiling.plan import Plan
from jkeras.trainer.compiling.programs import end_epoch
from jkeras.trainer.loop import dispatch, nan_watch, resume
from jkeras.trainer.loop.batch_order import shuffle_batches
from jkeras.trainer.loop.call import Call
from jkeras.trainer.loop.dispatch import Chunk, LogValues, floats
from jkeras.trainer.loop.error_notes import explained
from jkeras.trainer.loop.evaluate import evaluate
from jkeras.trainer.loop.parts import TrainerParts
from jkeras.trainer.preflight import data_arguments
from jkeras.trainer.preflight.data_arguments import Data
from jkeras.trainer.reports.progress import Progress
from jkeras.trainer.reports.training_data import training_record
from jkeras.trainer.state.model_state import ModelState


class Training(NamedTuple):
    """What is trained on, and how.

    Attributes:
      data: the data set, where it will be used.
      plan_fn: returns the plan for it, which differs when other weights are frozen.
      batch_size: examples in a batch; of no meaning for a stream.
      shuffle: whether arrays are visited in a new order in each epoch.
    """

    data: Data
    plan_fn: Callable[[], Plan]
    batch_size: int
    shuffle: bool


class Validation(NamedTuple):
    """As `Training`; data are None where there is no validation, and `steps` batches at most, all
    for None.
    """

    data: Data | None
    plan_fn: Callable[[], Plan]
    batch_size: int
    steps: int | None


def loaded(
    parts: TrainerParts,
    given: tuple[Any, Any, Any, Any],
    kept: tuple[Any, float],
    *,
    finite: bool,
    shuffle: bool,
    sizes: tuple[int | None, int | None] = (None, None),
) -> tuple[Data, Data | None]:
    """The data sets for training and validation.

    Args:
      parts: of the trainer.
      given: `x`, `y`, `sample_weight` and `class_weight` of `fit`.
      kept: its `validation_data` and `validation_split`.
      finite: whether training refuses NaN and infinity.
      shuffle: whether data that are read by number come in a random order.
      sizes: the batch sizes of training and validation, for data of single examples.
    """
    skips = parts.need_compilation("fit").on_nan == "skip"
    data = data_arguments.load("fit", *given, finite=finite, **parts.loading(sizes[0]))
    shuffle_batches(parts, data, given[0], shuffle)
    options = parts.loading(sizes[1])
    return data_arguments.validation(data, *kept, given[3], finite=finite or skips, **options)


def prepared_validation(
    parts: TrainerParts, held_out: Data | None, batch_size: int | None, steps: int | None
) -> Validation:
    """The validation on a data set, prepared and placed; none where it is None.

    Args:
      parts: of the trainer.
      held_out: the data set.
      batch_size: examples in a batch; None for 32 at most.
      steps: batches at most; None for all.
    """
    if held_out is None:
        return Validation(None, _no_plan, 0, None)
    who = "fit: `validation_data`"
    held_out, _, plan_fn, size = parts.prepare(who, held_out, batch_size, kind="evaluate")
    with explained(parts, who, size):
        held_out = parts.place(who, held_out)
    limit = limited_steps(steps)
    data_arguments.steps_of(held_out, size, limit)
    return Validation(held_out, plan_fn, size, limit)


def _no_plan() -> Plan:
    raise AssertionError("there is no validation")


def validates(has_data: bool, frequency: int | Sequence[int], epoch: int) -> bool:
    """Whether a validation comes after an epoch."""
    if isinstance(frequency, int):
        return has_data and (epoch + 1) % frequency == 0
    return has_data and epoch + 1 in frequency


def fit(
    parts: TrainerParts,
    training: Training,
    validation: Validation,
    epochs: int,
    call: Call,
    taken: resume.Snapshot | None,
) -> None:
    """Runs the epochs, after all checks.

    Args:
      parts: of the trainer, which is in the run.
      training, validation: the data.
      epochs: the number of the last epoch.
      call: callbacks and progress display.
      taken: a snapshot to resume from; None for a new run.
    """
    run, state, callbacks, data = parts.run, parts.state, call.callbacks, training.data
    assert run is not None, "made by `Trainer.fit`"
    if isinstance(data, Stream):
        run.position_fn = data.position
    silent = dataclasses.replace(call, verbose=0, limit=validation.steps)
    if (history := callbacks.history) is not None:
        history.data = training_record(data, validation.data, run.facts)
    logs: LogValues = {}
    parts.stop_training, parts.initial_epoch = False, run.first
    callbacks.call("on_train_begin", {})
    limits = call.limit, validation.steps
    taken = resume.go_on(parts, taken, data, validation.data, limits)
    while run.epoch < epochs and not run.stops:
        epoch = run.epoch
        if isinstance(data, Stream) and not run.batch and data.begin_epoch() is None:
            warnings.warn(
                f"fit: the data ended before epoch {epoch + 1}: a generator is read once. Pass an "
                "iterable that starts again, or one that yields steps_per_epoch * epochs batches.",
                stacklevel=4,
            )
            break
        start = _first_batch(data, epoch - run.first, training.batch_size, call.limit)
        callbacks.call("on_epoch_begin", epoch, {})
        if taken is not None:  # in the middle of this epoch, behind its beginning
            resume.put_back(parts, taken)
            taken = None
        bar = call.bar(epoch_header(epoch + 1, epochs) if epochs > 1 else "")
        logs = train_epoch(parts, training, start, call, bar)
        if call.interrupted():
            break
        if validation.data is not None and run.validates_fn(epoch):
            plan, size = validation.plan_fn(), validation.batch_size
            found = evaluate(parts, plan, validation.data, size, silent)
            logs |= {f"val_{name}": value for name, value in found.items()}
            if call.interrupted():
                break  # the values of half a validation are no result
        state.values = end_epoch(state.need_values())
        nan_watch.warn_of_nan_loss(state, parts.need_compilation("fit"), epoch, logs)
        run.next_epoch()
        logs = dict(sorted(logs.items()))
        bar.finish(logs)
        callbacks.call("on_epoch_end", epoch, logs)
        run.stops = parts.stop_training = call.team.led(bool(parts.stop_training))
        callbacks.pause("epoch")
        if call.interrupted():
            break
    if call.interrupted():
        callbacks.pause("interrupt")
    if parts.steps.transformation is not None:
        _keep_averages(state)
    callbacks.call("on_train_end", logs)


def train_epoch(
    parts: TrainerParts, training: Training, start: int, call: Call, bar: Progress
) -> LogValues:
    """One epoch, from batch `start` of the data on; returns the logs at its end."""
    run, state, data = parts.run, parts.state, training.data
    assert run is not None, "made by `Trainer.fit`"
    callbacks, programs = call.callbacks, training.plan_fn().programs
    watched, hears = callbacks.watches_batches("train"), callbacks.hears_batches("train")
    begun = state.need_values()
    if not run.batch:
        state.values = begun = programs.begin_epoch(begun, start)

    def begin(step: int) -> None:
        if hears:
            callbacks.call("on_train_batch_begin", step, {})

    def report(chunk: Chunk) -> None:
        bar.update(chunk.done, chunk.logs)
        run.stepped(chunk.done, chunk.logs)
        if hears:
            callbacks.call("on_train_batch_end", chunk.done - 1, floats(chunk.logs))
        run.stand_still(chunk.done, chunk.logs)

    def stopped() -> bool:
        parts.stop_training = call.team.led(bool(parts.stop_training))
        return call.interrupted() or parts.stop_training

    pace = call.begin(programs.pace("train", training.batch_size), bar)
    feeds = dispatch.train_feeds(
        programs,
        begun,
        data,
        size=training.batch_size,
        shuffle=training.shuffle,
        start=start,
        limit=call.limit,
        pace=pace,
        fixed=call.fixed,
        most=call.fixed if watched else None,
    )
    chunks = dispatch.train(
        programs,
        state.advance,
        feeds,
        begin_fn=begin,
        start=start,
        position=int(begun.position),
        pace=pace,
        room_fn=run.room,
        checks=parts.need_compilation("fit").check_nans,
    )
    logs: Mapping[str, Any] = run.logs
    if not (run.batch and stopped()):  # else it was stopped in the middle of this epoch before
        for chunk in dispatch.read_late(
            chunks,
            pace,
            report,
            eager_fn=lambda chunk: watched or bool(run.due(chunk.done)),
            stopped_fn=stopped,
        ):
            logs = chunk.logs
    logs = floats(logs)
    nan_watch.warn_of_skipped("fit", state.need_values(), start)
    return logs


def _keep_averages(state: ModelState) -> None:
    """At the end of training, the averages of an optimizer with `use_ema` are the weights."""
    values = state.need_values()
    averages = optimizers.final_params(values.params, values.opt_state)
    averages = computed_weights.kept(state.net, averages, values.params)
    pairs = zip(jax.tree.leaves(averages), jax.tree.leaves(values.params), strict=True)
    if any(average is not param for average, param in pairs):
        # A copy: the next step donates weights and averages, which must be two buffers.
        state.values = values.replace(params=trees.copy(averages))


def _first_batch(data: Data, number: int, batch_size: int, limit: int | None) -> int:
    """The first batch of the run's epoch `number`; warns when its steps go past the data's end."""
    if isinstance(data, Stream) or limit is None:
        return 0
    total = data.steps(batch_size)
    start = dispatch.start_of_epoch(number, total, limit)
    if start + limit > total:
        warnings.warn(
            f"fit: the data ends after {total - start} of the {limit} steps of this epoch; the "
            "next epoch begins at its start again. Choose `steps_per_epoch` so that it divides "
            f"the {total} batches.",
            stacklevel=5,
        )
    return start
