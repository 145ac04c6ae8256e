"""Checkpoints of one run in one folder, written by Orbax in the background.

    with Manager("run", max_to_keep=3) as manager:
        manager.save(12, trainer.snapshot())
        ...
        restored = manager.restore()

Laws:
  - `save` returns when the values are copied; a background thread writes the bytes.
  - A checkpoint is written atomically, and older ones are removed only after that.
  - The next call raises an error of the thread; only the checkpoint of that error is lost.
  - One manager at a time writes to a folder; that of several processes, each of which writes the
    parts of arrays that are cut over them, writes while the caller waits.
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
from jkeras.core.errors import WrongTypeError, describe
from jkeras.core.processes import current, follows
from jkeras.saving import orbax_files

if TYPE_CHECKING:
    from jkeras.saving.nested import Json, Nested
    from jkeras.saving.safetensors_files import Arrays


class Manager:
    """Writes checkpoints to a folder, keeps some of them, and reads them.

    Args:
      directory: the folder, created if missing. Each checkpoint is a subfolder.
      max_to_keep: the number of checkpoints that are kept; None for all. With `best` these are the
        best ones and, in addition, the latest one.
      save_interval: save only steps that this number divides.
      best: the name of the metric that ranks checkpoints; None to rank them by age.
      mode: "min" or "max": whether smaller or larger values are better. NaN is never the best.
      background: whether a thread writes while the caller continues.
      who: the manager's name in messages.
      timeout: seconds to wait for another run that writes to the folder.

    Attributes:
      directory: the folder.
      latest: the step of the latest checkpoint, including one that is being written; None without
        checkpoints.

    Raises:
      TypeError, ValueError: an argument has a wrong type or value.
      FolderInUse: another run writes to the folder.
      OSError: the folder cannot be created.
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
        self._release: Any = lambda: None
        if not follows():
            lock = locks.acquire(self.directory, who, timeout=timeout)
            self._release = weakref.finalize(self, locks.release, lock)
        background = background and not current().several
        try:
            self._sweep()
            self._orbax = self._orbax_manager(kept)
        except BaseException:
            self._release()
            raise
        self.latest = max(self.steps(), default=None)
        self._writer = ThreadPoolExecutor(1, "orbax") if background else None
        self._under_way: Future[None] | None = None
        _closing_at_exit()
        orbax_files.writers.add(self)

    def _orbax_manager(self, kept: int | None) -> Any:
        """The manager of Orbax that keeps `kept` checkpoints."""
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
            enable_async_checkpointing=False,  # `_writer` is the thread
            **_of_processes(),
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

        The call waits until the previous checkpoint is written. NumPy arrays are not copied: they
        must not change until this checkpoint is written.

        Args:
          step: a step after that of every checkpoint in the folder.
          value: an argument of `nested.flatten`.
          metrics: numbers to store with the value; must include `best`.

        Returns:
          Whether the step was saved: whether `save_interval` divides it.

        Raises:
          TypeError: the value contains an object that cannot be written.
          ValueError: the folder has a later step, or the metric is missing.
          OSError: the previous checkpoint could not be written.
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
        structure, arrays = orbax_files.host_copy(value)
        self.wait()
        self.latest = step
        numbers = {name: float(number) for name, number in (metrics or {}).items()}
        if self._writer is None:
            self._write(step, structure, arrays, numbers)
        else:
            self._under_way = self._writer.submit(self._write, step, structure, arrays, numbers)
        return True

    def _write(self, step: int, structure: Json, arrays: Arrays, metrics: dict[str, float]) -> None:
        from orbax.checkpoint import args

        try:
            with _quiet():
                items = args.Composite(**orbax_files.items_of(structure, arrays, metrics))
                self._orbax.save(step, args=items, metrics=metrics, force=True)
        except Exception as error:  # any exception of Orbax, TensorStore or the system
            self._sweep()
            self.latest = max(self.steps(), default=None)
            raise OSError(
                f"{self._who}: expected to write the checkpoint of step {step} to "
                f"{str(self.directory)!r}, got: {_reason(error)}. Earlier checkpoints are whole: "
                f"{', '.join(map(str, self.steps())) or 'there are none'}."
            ) from error

    def _sweep(self) -> None:
        """Removes partial checkpoints of a killed run or a failed write."""
        if follows():
            return
        for path in self.directory.glob("*.orbax-checkpoint-tmp*"):
            shutil.rmtree(path, ignore_errors=True)

    def readable(self, first: int) -> list[int]:
        """The readable checkpoints from a step on; damaged ones are removed.

        A run that continues from an earlier checkpoint writes the damaged ones again.

        Raises:
          OSError: as `wait`.
        """
        if self.latest is None or self.latest < first:
            return []  # the usual case
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
        """Waits until the last checkpoint is written.

        Raises:
          OSError: the last checkpoint could not be written; earlier ones are intact.
        """
        future, self._under_way = self._under_way, None
        if future is not None:
            future.result()

    def close(self) -> None:
        """Waits for the last checkpoint and unlocks the folder; a second call does nothing.

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
        """The steps of the complete checkpoints, in order."""
        return orbax_files.steps_in(self.directory)

    def restore(self, step: int | Literal["latest", "best"] | None = None) -> Any:
        """The value of a checkpoint.

        Args:
          step: the step; "latest", also None; or "best", by the metric.

        Raises:
          ValueError: the step has no checkpoint, or a damaged one.
        """
        self.wait()
        number: int | str | None = step
        if step in (None, "latest"):
            number = self.latest
        elif step == "best":
            if self._best is None:
                raise ValueError(
                    f"{self._who}: `step`: expected a step or 'latest', because no metric was "
                    "named, got 'best'. Name one: Manager(..., best='val_loss')."
                )
            number = self._orbax.best_step()
        steps = self.steps()
        if number not in steps:
            raise ValueError(
                f"{self._who}: `step`: expected one of {steps} in {str(self.directory)!r}, got "
                f"{step!r}."
            )
        return orbax_files.read_step(self.directory / str(number))


def _of_processes() -> dict[str, Any]:
    """Orbax's options where some processes of a larger job write together, or one alone does."""
    import jax
    from orbax.checkpoint import options

    members = current().members or (jax.process_index(),)
    if len(members) == jax.process_count():
        return {}
    found = options.MultiprocessingOptions(
        primary_host=members[0],
        active_processes=set(members),
        barrier_sync_key_prefix=f"jkeras-{'-'.join(map(str, members))}",
    )
    return {"multiprocessing_options": found, "create": False}


def _reason(error: Exception) -> str:
    """The reason of an error: the operating system's message for its errors."""
    text = " ".join(str(error).split())
    code = re.search(r"os_error_code='(\d+)'", text)
    return os.strerror(int(code[1])) if code else text[:300] or type(error).__name__


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Silences Orbax's logger: Orbax logs each error that it raises, and one message is enough."""

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
    """Finishes the checkpoint that is being written when the program ends with an error.

    `atexit` is too late: by then Orbax cannot start its writer threads. Without Python's own hook
    that checkpoint is lost, and earlier ones are intact.
    """
    getattr(threading, "_register_atexit", lambda function: None)(_close_all)


def _close_all() -> None:
    for manager in list(orbax_files.writers):
        try:
            manager.close()
        except OSError as error:
            print(error, file=sys.stderr)


def checked_count(who: str, name: str, value: object) -> int:
    """`value`, if it is an integer of at least 1.

    Raises:
      TypeError, ValueError: `value` is not an integer, or less than 1.
    """
    if isinstance(value, bool) or not hasattr(value, "__index__"):
        raise WrongTypeError(f"{who}: `{name}`: expected a whole number, got {describe(value)}.")
    if int(value) < 1:
        raise ValueError(f"{who}: `{name}`: expected at least 1, got {value}.")
    return int(value)
