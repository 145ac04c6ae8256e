"""A JAX profiler trace of some training steps."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jax

from jkeras.callbacks.base import Callback, Logs
from jkeras.core.errors import describe


class Profiler(Callback):
    """Writes what the device did during some steps, for Perfetto, XProf or TensorBoard.

    Until the last of these steps every step is dispatched on its own, as with any callback with
    batch hooks; then training continues at full speed.

    Args:
      folder: where the trace goes, `folder/plugins/profile/<time>/`; its `.trace.json.gz` opens in
        ui.perfetto.dev, the folder in TensorBoard.
      steps: the first and the last step of the run to trace, from 1. Step 1 includes the
        compilation.

    Raises:
      ValueError: `steps` is not a pair of growing numbers from 1.

    Source: `jax.profiler`; `keras.callbacks.TensorBoard(profile_batch=...)`.
    """

    writes_files = True

    def __init__(self, folder: str | Path = "profile", steps: tuple[int, int] = (10, 20)) -> None:
        numbers = isinstance(steps, tuple | list) and all(hasattr(n, "__index__") for n in steps)
        if not (numbers and len(steps) == 2 and 1 <= steps[0] <= steps[1]):
            raise ValueError(
                "Profiler: `steps`: expected the first and the last step, from 1, such as "
                f"(10, 20), got {describe(steps)}."
            )
        self.folder = Path(folder)
        self.steps = tuple(steps)
        self._step = 0
        self._mark: Any = None

    def on_train_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        """Starts the trace before the first step, and annotates each step."""
        self._step += 1
        if self._step == self.steps[0]:
            jax.profiler.start_trace(str(self.folder))
        if self._step >= self.steps[0]:
            self._mark = jax.profiler.StepTraceAnnotation("train", step_num=self._step)
            self._mark.__enter__()

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """Ends the annotation of a step, and the trace after the last step."""
        if self._mark is not None:
            self._mark.__exit__(None, None, None)
            self._mark = None
        if self._step == self.steps[1]:
            self._finish()

    def on_train_end(self, logs: Logs | None = None) -> None:
        """Ends the trace if the run was shorter than `steps`."""
        if self.steps[0] <= self._step < self.steps[1]:
            self._finish()

    def get_state(self) -> dict[str, Any]:
        """An empty dict: a checkpoint holds no trace."""
        return {}

    def _finish(self) -> None:
        jax.profiler.stop_trace()
        # Later steps are dispatched together again: a hook that is None does not count as one.
        self.on_train_batch_begin = None  # type: ignore[assignment, method-assign]
        self.on_train_batch_end = None  # type: ignore[assignment, method-assign]
