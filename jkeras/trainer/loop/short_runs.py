"""Runs of `fit` on a few batches: a rehearsal, and batches that a model shall learn by heart."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from jkeras.callbacks import History
from jkeras.core.errors import WrongTypeError, describe
from jkeras.core.processes import ALONE, Team
from jkeras.core.session import limited_steps, print_message
from jkeras.data.arrays import Arrays
from jkeras.data.streams import Stream
from jkeras.trainer.compiling.compilation import check_positive
from jkeras.trainer.preflight.data_arguments import Data


def checked(
    fast_dev_run: bool | int,
    overfit_batches: int | None,
    steps_per_epoch: int | None,
    resume_from: object,
) -> int:
    """The batches of a rehearsal, 0 where `fit` is none; arguments as for `fit`.

    Raises:
      TypeError, ValueError: an argument is no number of batches, or contradicts another.
    """
    if isinstance(fast_dev_run, bool):
        batches = int(fast_dev_run)
    elif not hasattr(fast_dev_run, "__index__"):
        raise WrongTypeError(
            "fit: `fast_dev_run`: expected True, False or a number of batches, got "
            f"{describe(fast_dev_run)}."
        )
    else:
        batches = int(fast_dev_run)
    if batches < 0:
        raise ValueError(
            f"fit: `fast_dev_run`: expected True, False or a number of batches, got {batches}."
        )
    check_positive("fit", overfit_batches=overfit_batches)
    if batches and overfit_batches:
        raise ValueError(
            "fit: `fast_dev_run` and `overfit_batches` exclude each other: the first trains for "
            "one epoch and takes it back, the second trains until the batches are known by heart. "
            "Pass one of them."
        )
    if batches and resume_from is not None:
        raise ValueError(
            "fit: `fast_dev_run` and `resume_from` exclude each other: nothing of a rehearsal "
            "stays. Leave `fast_dev_run` out to go on with the run."
        )
    if overfit_batches and steps_per_epoch is not None and steps_per_epoch < overfit_batches:
        raise ValueError(
            f"fit: `overfit_batches`: expected at most `steps_per_epoch`, {steps_per_epoch}, got "
            f"{overfit_batches}. Leave `steps_per_epoch` out: an epoch has all of these batches."
        )
    return batches


def least(batches: int, steps: int | None) -> int:
    """The batches of a rehearsal where an epoch or a validation has `steps` at most."""
    return batches if steps is None else min(batches, steps)


def without_writers(callbacks: Sequence[Any]) -> tuple[list[Any], list[Any]]:
    """The callbacks of a rehearsal, and those that are left out, which write files or send logs."""
    writers = [c for c in callbacks if getattr(c, "writes_files", False)]
    return [c for c in callbacks if not getattr(c, "writes_files", False)], writers


def tell_interruption(history: History, *, is_rehearsal: bool, team: Team = ALONE) -> None:
    """Notes that Ctrl-C ended a run, and says, in the first of the processes, what the model has of
    it.
    """
    history.interrupted = True
    kept = "is as it was before" if is_rehearsal else "keeps what it has learned so far"
    if team.is_first:
        print(f"\nInterrupted: training stopped. The model {kept}.")


def tell_rehearsal(
    steps: int | None, validated: bool, history: History, writers: Sequence[Any], verbose: object
) -> None:
    """Says in one line what a rehearsal did; a callback that was left out warns of a `monitor` that
    no log has.

    Args:
      steps: the batches of training; None where unknown.
      validated: whether there was a validation.
      history: of the rehearsal.
      writers: the callbacks that were left out.
      verbose: of `fit`: 0 is silent.
    """
    logs = {name: values[-1] for name, values in history.history.items() if values}
    for writer in writers:
        if getattr(writer, "save_best_only", False):
            writer.value_in(logs)
    if verbose == 0:
        return
    count = "the batches" if steps is None else "1 batch" if steps == 1 else f"{steps} batches"
    names = ", ".join(sorted(type(writer).__name__ for writer in writers))
    left_out = f" Left out, because they write: {names}." if names else ""
    print_message(
        f"fit: fast_dev_run: {count} of training{' and a validation' if validated else ''} ran to "
        f"the end; the model is as it was before.{left_out}"
    )


def first_batches(data: Data, count: int, batch_size: int | None) -> tuple[Data, Data]:
    """The first batches of a data set in its order, to train on and to validate on."""
    count = limited_steps(count) or count
    if isinstance(data, Arrays):
        part = data.part(0, min(count * (batch_size or 32), data.length))
        return part, part
    assert isinstance(data, Stream)
    head = data.head(count)
    return head, head.head(count)
