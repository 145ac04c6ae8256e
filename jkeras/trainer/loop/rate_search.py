"""The search for a learning rate: a short training with a growing rate, of which nothing stays.

    found = model.lr_find(x, y)
    model.learning_rate = found.suggestion
    found.plot("rates.png")

Laws:
  - The rate is a value of the optimizer's state, so one program runs all steps, and it is the one
    that `fit` runs on the same data.
  - Afterwards the model is as it was, bit for bit, whatever ended the search (`unchanged`).

Source: Smith 2017, arXiv:1506.01186. The average and `valley` are those of fastai's `lr_find`; its
`steep` is the steepest single step, which noise decides, and here the steepest tenth of the steps.
"""

from __future__ import annotations

import contextlib
import dataclasses
import math
import os
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import jax
import numpy as np

from jkeras import optimizers
from jkeras.callbacks import CallbackList
from jkeras.core.errors import WrongTypeError, describe
from jkeras.core.trees import Tree
from jkeras.data.arrays import Arrays, ClassWeight
from jkeras.data.streams import Stream
from jkeras.display.rate_curve import rate_curve
from jkeras.trainer.compiling.compilation import check_positive
from jkeras.trainer.compiling.pace import Pace
from jkeras.trainer.compiling.programs import end_epoch
from jkeras.trainer.loop import dispatch, nan_watch
from jkeras.trainer.loop.batch_order import shuffle_batches
from jkeras.trainer.loop.error_notes import explained
from jkeras.trainer.loop.fit import Training
from jkeras.trainer.loop.interrupt import Interrupt
from jkeras.trainer.loop.parts import TrainerParts
from jkeras.trainer.loop.run import Run
from jkeras.trainer.loop.unchanged import Unchanged
from jkeras.trainer.preflight import data_arguments
from jkeras.trainer.preflight.data_arguments import Examples

if TYPE_CHECKING:
    from jkeras.display.figures import Figure

WHO = "lr_find"
OUT_OF_DATA = "the data ended"
LAST = 5
"""Steps at the end of a search of which no suggestion comes: there the loss explodes."""


@dataclasses.dataclass(frozen=True, eq=False)
class RateSearch:
    """What a search for a learning rate found.

    Attributes:
      rates: `[steps]` the rate of each step.
      losses: `[steps]` the loss of each step's batch, before its update.
      smoothed: `[steps]` their moving average.
      suggestion: the rate where the average falls fastest, over a tenth of the steps; None where it
        never falls.
      valley: the rate in the middle of the longest fall of the average, a bolder choice on a long
        slope and a safer one on a short; None where it never falls.
      ended: why the search ended before its last step; empty if it did not.
    """

    rates: np.ndarray
    losses: np.ndarray
    smoothed: np.ndarray
    suggestion: float | None
    valley: float | None
    ended: str = ""

    def plot(self, path: str | os.PathLike[str] | None = None) -> Figure:
        """The losses over the rates, with both suggestions.

        Args:
          path: the path of a PNG to write; no file when left out.

        Raises:
          ImportError: matplotlib is not installed.
        """
        marks = {"suggestion": self.suggestion, "valley": self.valley}
        return rate_curve(self.rates, self.losses, self.smoothed, marks, path)

    def __repr__(self) -> str:
        shown = [f"{len(self.rates)} steps"]
        if len(self.rates):
            shown[0] += f", from {self.rates[0]:.3g} to {self.rates[-1]:.3g}"
        shown.append(f"ended early: {self.ended}" if self.ended else "")
        if self.suggestion is None or self.valley is None:
            shown.append("no suggestion: the loss never fell")
        else:
            shown.append(f"suggestion {self.suggestion:.3g}, valley {self.valley:.3g}")
        return f"<RateSearch: {'; '.join(filter(None, shown))}>"


def search(
    parts: TrainerParts,
    x: Examples,
    y: Tree,
    *,
    batch_size: int | None,
    sample_weight: Tree,
    class_weight: ClassWeight | None,
    shuffle: bool,
    min_rate: float,
    max_rate: float,
    steps: int,
    stop_factor: float | None,
    smoothing: float,
) -> RateSearch:
    """Searches; arguments are those of `Trainer.lr_find`.

    Raises:
      TypeError, ValueError: before the first step as for `fit`, or the optimizer has no rate that
        can be changed; after it, the steps log no loss, or do not use the optimizer.
      FloatingPointError: the loss of the first step is not finite.
    """
    before, compiled = Unchanged(parts), parts.need_compilation(WHO)
    check_positive(WHO, batch_size=batch_size)
    rates, average = checked_rates(min_rate, max_rate, steps), Average(smoothing, stop_factor)
    kwargs = parts.loading(batch_size) | {"finite": compiled.refuses_nans("fit")}
    data = data_arguments.load(WHO, x, y, sample_weight, class_weight, **kwargs)
    shuffle_batches(parts, data, x, shuffle)
    data, _, plan_fn, size = parts.prepare(WHO, data, batch_size, kind="train")
    first_state = parts.state.need_values().opt_state
    optimizers.override_learning_rate(first_state, rates[0], who=WHO)
    with explained(parts, WHO, batch_size):
        data = parts.place(WHO, data)
    if isinstance(data, Stream):
        before.count_back([data])
    losses: list[float] = []
    watches = getattr(jax.config, "jax_debug_nans", False)
    quiet = jax.debug_nans(False) if watches else contextlib.nullcontext()
    run = Run(CallbackList(), facts={}, first=0)
    with explained(parts, WHO, size), before, Interrupt() as interrupt, parts.mode():
        with parts.running(run, data), quiet:
            counts = _counts(first_state)
            training = Training(data, plan_fn, size, shuffle)
            ended = _train(
                parts, training, rates, losses, average, lambda: bool(interrupt.received)
            )
            is_used = not counts or counts != _counts(parts.state.need_values().opt_state)
    interrupt.pass_on()
    if losses and ended in ("", OUT_OF_DATA) and not is_used:
        raise ValueError(
            f"{WHO}: expected steps that use the optimizer of `compile`, and its count of updates "
            "stayed as it was: `train_step` has optimizers of its own. Search with a model that is "
            "trained by one loss and one optimizer."
        )
    smoothed = np.array(average.values)
    found = _suggestions(rates[: len(losses)], smoothed, len(rates))
    return RateSearch(rates[: len(losses)], np.array(losses), smoothed, *found, ended)


def checked_rates(min_rate: float, max_rate: float, steps: int) -> np.ndarray:
    """The rates of the steps, from the smallest to the largest by equal factors.

    Raises:
      TypeError, ValueError: these are no numbers, or do not go together.
    """
    for name, value in (("min_rate", min_rate), ("max_rate", max_rate)):
        if isinstance(value, bool) or not isinstance(value, int | float | np.number):
            raise WrongTypeError(f"{WHO}: `{name}`: expected a number, got {describe(value)}.")
        if not 0 < value < math.inf:
            raise ValueError(f"{WHO}: `{name}`: expected a number above 0, got {value!r}.")
    if min_rate >= max_rate:
        raise ValueError(
            f"{WHO}: expected `min_rate` below `max_rate`, got {min_rate!r} and {max_rate!r}."
        )
    check_positive(WHO, steps=steps)
    if steps < 2:
        raise ValueError(f"{WHO}: `steps`: expected at least 2, got {steps}.")
    rates: np.ndarray = np.geomspace(float(min_rate), float(max_rate), steps)
    return rates


class Average:
    """The moving average of the losses, corrected for its beginning at zero, and its least value.

    Args:
      smoothing: the share of the old average in the new one, in [0, 1).
      stop_factor: how many times the least average a later one is before the search ends; None for
        any number.

    Raises:
      TypeError, ValueError: these are no such numbers.
    """

    def __init__(self, smoothing: float, stop_factor: float | None) -> None:
        for name, value in (("smoothing", smoothing), ("stop_factor", stop_factor)):
            is_number = isinstance(value, int | float | np.number) and not isinstance(value, bool)
            if not is_number and not (name == "stop_factor" and value is None):
                raise WrongTypeError(f"{WHO}: `{name}`: expected a number, got {describe(value)}.")
        if not 0 <= smoothing < 1:
            raise ValueError(f"{WHO}: `smoothing`: expected a number in [0, 1), got {smoothing!r}.")
        if stop_factor is not None and not stop_factor > 1:
            raise ValueError(
                f"{WHO}: `stop_factor`: expected a number above 1, or None to go on to the last "
                f"rate, got {stop_factor!r}."
            )
        self._smoothing, self._stop_factor = smoothing, stop_factor
        self._total = 0.0
        self.values: list[float] = []

    def add(self, loss: float) -> str:
        """Takes the loss of a step; returns why the search ends with it, or an empty string."""
        self._total = self._smoothing * self._total + (1 - self._smoothing) * loss
        value = self._total / (1 - self._smoothing ** (len(self.values) + 1))
        self.values.append(value)
        least = min(self.values)
        # Of a loss that is negative, multiples of the least say nothing.
        grown = self._stop_factor is not None and least > 0 and value > self._stop_factor * least
        return f"the loss grew to {self._stop_factor:g} times its least" if grown else ""


def _train(
    parts: TrainerParts,
    training: Training,
    rates: np.ndarray,
    losses: list[float],
    average: Average,
    interrupted_fn: Callable[[], bool],
) -> str:
    """Trains with one rate after the other; fills in the losses; returns why it ended early."""
    data, state = training.data, parts.state
    programs = training.plan_fn().programs

    def begin(step: int) -> None:
        values = programs.begin_epoch(state.need_values(), step)
        opt_state = optimizers.override_learning_rate(values.opt_state, rates[len(losses)], who=WHO)
        state.values = values.replace(opt_state=opt_state)

    while len(losses) < len(rates):
        if isinstance(data, Stream) and data.begin_epoch() is None:
            return OUT_OF_DATA
        state.values = begun = programs.begin_epoch(state.need_values())
        left, pace = len(rates) - len(losses), Pace().begin(1.0, fixed=1)
        total = data.steps(training.batch_size) if isinstance(data, Arrays) else None
        feeds = dispatch.train_feeds(
            programs,
            begun,
            data,
            size=training.batch_size,
            shuffle=training.shuffle,
            start=0,
            limit=left if total is None else None,
            pace=pace,
            fixed=None,
            most=None,
        )
        chunks = dispatch.train(
            programs,
            state.advance,
            feeds,
            begin_fn=begin,
            start=0,
            position=0,
            pace=pace,
            room_fn=lambda done: None,
        )
        for chunk in chunks:
            skipped = nan_watch.count_skipped(state.need_values())  # which has no loss
            loss = math.nan if skipped else _loss_of(chunk.logs)
            if not math.isfinite(loss):
                return _not_finite(loss, rates, losses)
            losses.append(loss)
            if (ended := average.add(loss)) or len(losses) == len(rates):
                return ended
            if interrupted_fn():
                return "interrupted"
        state.values = end_epoch(state.need_values())
    return ""


def _loss_of(logs: Mapping[str, Any]) -> float:
    if "loss" not in logs:
        raise ValueError(
            f"{WHO}: expected steps that log `loss`, got {', '.join(logs) or 'no logs'}. Search "
            "with a model that is trained by one loss and one optimizer, or log the loss in "
            "`train_step`."
        )
    return float(np.asarray(logs["loss"]))


def _not_finite(loss: float, rates: np.ndarray, losses: list[float]) -> str:
    """Why a search ends with a loss that is no number; after the first step that is an error."""
    what = "NaN" if math.isnan(loss) else "infinite"
    if not losses:
        raise FloatingPointError(
            f"{WHO}: the loss of the first step, before any update, is {what}. {nan_watch.NAMING}"
        )
    return f"the loss was {what} at the rate {rates[len(losses)]:.3g}"


def _counts(opt_state: Tree) -> list[int]:
    """The numbers by which an optimizer's state counts its updates."""
    leaves = jax.tree.leaves(opt_state)
    return [int(a) for a in leaves if a.shape == () and np.issubdtype(a.dtype, np.integer)]


def _suggestions(
    rates: np.ndarray, smoothed: np.ndarray, steps: int
) -> tuple[float | None, float | None]:
    """The rate in the middle of the steepest descent over a tenth of the steps, and that in the
    longest valley; None where nothing falls.

    The first tenth of the steps and the last few are left aside, where enough are left.
    """
    inner = slice(steps // 10, -LAST)
    if len(rates[inner]) > LAST:
        rates, smoothed = rates[inner], smoothed[inner]
    span = min(max(steps // 10, 1), len(rates) - 1)
    if span < 1:
        return None, None
    falls = smoothed[:-span] - smoothed[span:]  # the rates grow by equal factors
    if falls.max() <= 0:
        return None, None
    return float(rates[falls.argmax() + span // 2]), float(rates[_valley(smoothed)])


def _valley(values: np.ndarray) -> int:
    """The number of the value in the middle of the longest fall, which may have bumps.

    Example:
      >>> _valley(np.array([9, 9, 8, 7, 7.5, 6, 5, 9, 9]))
      2
    """
    lengths = np.ones(len(values), np.int64)  # of the longest falling subsequence that ends here
    for i in range(1, len(values)):
        higher = lengths[:i][values[:i] > values[i]]
        lengths[i] = higher.max(initial=0) + 1
    end = int(lengths.argmax())
    start = end - int(lengths[end])
    third = (end - start) / 3
    return max(start + int(third) + int(third / 2), 0)
