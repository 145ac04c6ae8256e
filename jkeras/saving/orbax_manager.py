"""Checkpoints of one run in one folder, written by Orbax while the run goes on.

    with Manager("run", max_to_keep=3) as manager:
        manager.save(12, trainer.snapshot())
        ...
    restored = Manager.read("run")

Laws:
  - `save` returns when the values are copied; the bytes are written by a thread of their own.
  - A checkpoint is there whole or not at all, and older ones are removed only after it is.
  - What the thread cannot do is raised by the next call, and costs that checkpoint alone.
  - One manager at a time writes to a folder.
"""

from __future__ import annotations

import contextlib
import functools
import logging
import math
import os
import re
import shutil
import sys
import threading
import weakref
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self

from jkeras.core import locks
from jkeras.core.errors import describe
from jkeras.saving import orbax_files

if TYPE_CHECKING:
    from jkeras.saving.nested import Arrays, Json, Nested

Which = int | Literal["latest", "best"] | None


class Manager:
    """Writes checkpoints to a folder, keeps some of them, and reads them.

    Args:
      directory: the folder, made when it is missing. Each checkpoint is a folder in it.
      max_to_keep: how many checkpoints stay; None for all. With `best` these are the best ones,
        and the latest beside them.
      save_interval: save only steps that this number divides.
      best: the name of the metric by which checkpoints are compared; None to go by their age.
      mode: "min" or "max": which values of it are better. NaN is never the best.
      background: write in a thread while the caller goes on.
      who: what messages call the manager.
      timeout: seconds to wait for another run that writes to the folder.

    Attributes:
      directory: the folder.
      latest: the step of the latest checkpoint, one that is being written included; None for none.

    Raises:
      TypeError, ValueError: an argument is none of these.
      FolderInUse: another run writes to the folder.
      OSError: the folder cannot be made.
    """

    def __init__(
        self,
        directory: str | os.PathLike[str],
        *,
        max_to_keep: int | None = 1,
        save_interval: int = 1,
        best: str | None = None,
        mode: Literal["min", "max"] = "min",
        background: bool = True,
        who: str = "Manager",
        timeout: float = 10.0,
    ) -> None:
        self.directory = Path(directory).absolute()
        self._who, self._best, self._mode = who, best, mode
        self._interval = checked_count(who, "save_interval", save_interval)
        kept = None if max_to_keep is None else checked_count(who, "max_to_keep", max_to_keep)
        if mode not in ("min", "max"):
            raise ValueError(f"{who}: `mode`: expected 'min' or 'max', got {mode!r}.")
        lock = locks.acquire(self.directory, who, timeout=timeout)
        self._release = weakref.finalize(self, locks.release, lock)
        try:
            self._sweep()
            self._orbax = self._made(kept)
        except BaseException:
            self._release()
            raise
        self.latest = max(self.steps(), default=None)
        self._writer = ThreadPoolExecutor(1, "orbax") if background else None
        self._under_way: Future[None] | None = None
        _closing_at_exit()
        orbax_files.writers.add(self)

    def _made(self, kept: int | None) -> Any:
        import orbax.checkpoint as ocp
        from orbax.checkpoint.checkpoint_managers import AnyPreservationPolicy, BestN, LatestN

        policy = LatestN(kept)
        if self._best is not None:
            ranked = BestN(get_metric_fn=self._rank, reverse=self._mode == "min", n=kept)
            policy = AnyPreservationPolicy([LatestN(None if kept is None else 1), ranked])
        options = ocp.CheckpointManagerOptions(
            preservation_policy=policy,
            best_fn=None if self._best is None else self._rank,
            best_mode=self._mode,
            enable_async_checkpointing=False,  # the thread is ours
        )
        items = orbax_files.handlers()
        return ocp.CheckpointManager(
            self.directory, options=options, item_names=tuple(items), item_handlers=items
        )

    def _rank(self, metrics: dict[str, float]) -> float:
        value = metrics[str(self._best)]
        worst = math.inf if self._mode == "min" else -math.inf
        return worst if math.isnan(value) else value

    # -- writing

    def save(self, step: int, value: Nested, metrics: dict[str, float] | None = None) -> bool:
        """Copies a nested value, and writes it as the checkpoint of a step.

        It waits for the checkpoint before it to be written. NumPy arrays are not copied: they must
        not change until then.

        Args:
          step: later than that of every checkpoint in the folder.
          value: what `nested.flatten` takes.
          metrics: numbers to keep with it; `best` has to be among them.

        Returns:
          Whether the step was one to save.

        Raises:
          TypeError: something in the value cannot be written.
          ValueError: the step is not later, or the metric is missing.
          OSError: the checkpoint before it could not be written.
        """
        if step % self._interval:
            return False
        if self._best is not None and self._best not in (metrics or {}):
            raise ValueError(
                f"{self._who}: `metrics`: expected {self._best!r} among them, by which checkpoints "
                f"are compared, got {', '.join(metrics or {}) or 'none'}."
            )
        if later := self.readable(step):
            raise ValueError(
                f"{self._who}: `step`: expected one later than {later[-1]}, the latest in "
                f"{str(self.directory)!r}, got {step}."
            )
        words, arrays = orbax_files.host_copy(value)
        self.wait()
        self.latest = step
        numbers = {name: float(number) for name, number in (metrics or {}).items()}
        if self._writer is None:
            self._write(step, words, arrays, numbers)
        else:
            self._under_way = self._writer.submit(self._write, step, words, arrays, numbers)
        return True

    def _write(self, step: int, words: Json, arrays: Arrays, metrics: dict[str, float]) -> None:
        from orbax.checkpoint import args

        try:
            with _quiet():
                items = args.Composite(**orbax_files.items_of(words, arrays, metrics))
                self._orbax.save(step, args=items, metrics=metrics, force=True)
        except Exception as error:  # whatever Orbax, TensorStore or the system says
            self._sweep()
            self.latest = max(self.steps(), default=None)
            raise OSError(
                f"{self._who}: expected to write the checkpoint of step {step} to "
                f"{str(self.directory)!r}, got: {_reason(error)}. Earlier checkpoints are whole: "
                f"{', '.join(map(str, self.steps())) or 'there are none'}."
            ) from error

    def _sweep(self) -> None:
        """Removes what a killed run or a failed write has left half-written."""
        for path in self.directory.glob("*.orbax-checkpoint-tmp*"):
            shutil.rmtree(path, ignore_errors=True)

    def readable(self, first: int) -> list[int]:
        """The checkpoints from a step on. Damaged ones among them are removed: a run that has gone
        on from the one before them makes them anew.

        Raises:
          OSError: as `wait`.
        """
        if self.latest is None or self.latest < first:
            return []  # as nearly always
        self.wait()
        for step in self.steps():
            if step >= first:
                try:
                    orbax_files.read_step(self.directory / str(step))
                except ValueError:
                    self._orbax.delete(step)
        self.latest = max(self.steps(), default=None)
        return [step for step in self.steps() if step >= first]

    def wait(self) -> None:
        """Waits until everything is written.

        Raises:
          OSError: the last checkpoint could not be written; those before it are whole.
        """
        future, self._under_way = self._under_way, None
        if future is not None:
            future.result()

    def close(self) -> None:
        """Waits, and lets the folder go. The second time it does nothing.

        Raises:
          OSError: as `wait`.
        """
        if self._orbax is None:
            return
        try:
            self.wait()
        finally:
            if self._writer is not None:
                self._writer.shutdown()
            self._orbax.close()
            self._orbax = None
            self._release()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    # -- reading

    def steps(self) -> list[int]:
        """The steps of the checkpoints that are whole, in order."""
        return orbax_files.steps_in(self.directory)

    def restore(self, step: Which = None) -> Any:
        """The value of a checkpoint.

        Args:
          step: its step; "latest", also None; or "best", by the metric.

        Raises:
          ValueError: there is none of that step, or it is damaged.
        """
        self.wait()
        found = self._number(step)
        steps = self.steps()
        if found not in steps:
            raise ValueError(
                f"{self._who}: `step`: expected one of {steps} in {str(self.directory)!r}, got "
                f"{step!r}."
            )
        return orbax_files.read_step(self.directory / str(found))

    def _number(self, step: Which) -> int | None:
        if step in (None, "latest"):
            return self.latest
        if step != "best":
            return step  # type: ignore[return-value]  # another word is answered with the steps
        if self._best is None:
            raise ValueError(
                f"{self._who}: `step`: expected a step or 'latest', because no metric was named, "
                "got 'best'. Name one: Manager(..., best='val_loss')."
            )
        found: int | None = self._orbax.best_step()
        return found


def _reason(error: Exception) -> str:
    """What went wrong, in the system's words where it was the system."""
    text = " ".join(str(error).split())
    code = re.search(r"os_error_code='(\d+)'", text)
    return os.strerror(int(code[1])) if code else text[:300] or type(error).__name__


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Orbax logs what it raises, too; it is told once."""

    def keep(record: logging.LogRecord) -> bool:
        return "orbax" not in Path(record.pathname).parts

    logger = logging.getLogger("absl")
    logger.addFilter(keep)
    try:
        yield
    finally:
        logger.removeFilter(keep)


@functools.cache
def _closing_at_exit() -> None:
    """Lets a program that ends with an error finish the checkpoint it was writing.

    `atexit` is too late: by then Orbax cannot start the threads it writes with. Without Python's
    own hook that checkpoint is lost, and the ones before it are whole.
    """
    getattr(threading, "_register_atexit", lambda function: None)(_close_all)


def _close_all() -> None:
    for manager in list(orbax_files.writers):
        try:
            manager.close()
        except OSError as error:
            print(error, file=sys.stderr)


def checked_count(who: str, name: str, value: object) -> int:
    """`value`, if it is a number of at least 1.

    Raises:
      TypeError, ValueError: it is not.
    """
    if isinstance(value, bool) or not hasattr(value, "__index__"):
        raise TypeError(f"{who}: `{name}`: expected a whole number, got {describe(value)}.")
    if int(value) < 1:
        raise ValueError(f"{who}: `{name}`: expected at least 1, got {value}.")
    return int(value)


__all__ = ["Manager"]
