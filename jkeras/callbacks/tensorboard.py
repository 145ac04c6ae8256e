"""`TensorBoard`: logs of training for TensorBoard, written by tensorboardX.

Tags and folders are Keras's: `epoch_loss` under `train/` and under `validation/`, so old and new
runs lie in one picture.
"""

from __future__ import annotations

import contextlib
import importlib.util
import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import numpy as np

from jkeras.callbacks.base import Callback, Logs
from jkeras.callbacks.event_files import open_writer, session_end, session_start
from jkeras.callbacks.hyperparameters import flat, hyperparameters
from jkeras.callbacks.learning_rate import rates_of
from jkeras.callbacks.profiler import Profiler
from jkeras.callbacks.saving_callback import checked_save_freq
from jkeras.core.errors import WrongTypeError, describe, named_arguments
from jkeras.core.global_arrays import on_host
from jkeras.core.trees import named_leaves


class TensorBoard(Callback):
    """Writes losses, metrics, the learning rate, and optionally weights, for TensorBoard.

    Args:
      log_dir: the folder to give to TensorBoard.
      histogram_freq: the number of epochs between histograms of all weights; 0 for none.
      write_graph: has no effect, as in Keras without TensorFlow: there is no TensorFlow graph.
        `model.summary()` shows the layers.
      write_images: also draw the weights as images, where histograms are written; needs Pillow.
      write_steps_per_second: also write the number of steps per second.
      update_freq: "epoch"; or "batch" or a number n, to also write the logs after every batch or
        every n batches, which dispatches every step on its own.
      profile_batch: the number of a step, counted from 1, or the first and the last of several, to
        record with the profiler; 0 for none.
      embeddings_freq, embeddings_metadata: must be left out; the projector is not supported.
      hparams: the hyper-parameters of the run, for the HParams page, which compares runs in folders
        beside each other; True for the optimizer's arguments and the sizes of run and model.

    Raises:
      ImportError: tensorboardX is not installed.
      TypeError, ValueError: an argument has a wrong type or value.

    Source: `keras.callbacks.TensorBoard`.
    """

    writes_files = True
    on_all_processes = True

    @named_arguments
    def __init__(
        self,
        log_dir: str | os.PathLike[str] = "logs",
        histogram_freq: int = 0,
        write_graph: bool = True,
        write_images: bool = False,
        write_steps_per_second: bool = False,
        update_freq: int | Literal["epoch", "batch"] = "epoch",
        profile_batch: int | str | tuple[int, int] = 0,
        embeddings_freq: int = 0,
        embeddings_metadata: object = None,
        *,
        hparams: Mapping[str, Any] | bool | None = None,
    ) -> None:
        if embeddings_freq or embeddings_metadata is not None:
            raise ValueError(
                "TensorBoard: `embeddings_freq`: expected 0, because embeddings are not written "
                f"for the projector, got {embeddings_freq!r}."
            )
        if hparams is not None and not isinstance(hparams, Mapping | bool):
            raise WrongTypeError(
                "TensorBoard: `hparams`: expected a dict of numbers and words, or True, got "
                f"{describe(hparams)}."
            )
        need_writer("TensorBoard")
        if write_images:
            need_pillow("TensorBoard with write_images=True")
        self.log_dir = os.fspath(log_dir)
        self.histogram_freq = histogram_freq
        self.write_graph = write_graph
        self.write_images = write_images
        self.write_steps_per_second = write_steps_per_second
        frequency = 1 if update_freq == "batch" else update_freq
        self.update_freq = checked_save_freq("TensorBoard", "update_freq", frequency)
        self.hparams = hparams
        self._writers: dict[str, Any] = {}
        self._facts: dict[str, Any] = {}
        self._in_fit = self._in_session = False
        self._batch = 0
        self._began = (0.0, 0)
        self._batch_began = 0.0
        steps = _steps_to_profile(profile_batch)
        self._profiler = Profiler(Path(self.log_dir, "train"), steps) if steps else None
        if self.update_freq != "epoch" or self._profiler:
            # Not methods of the class: a callback with these methods watches every batch.
            self.on_train_batch_begin = self._begin_batch  # type: ignore[method-assign]
            self.on_train_batch_end = self._end_batch  # type: ignore[method-assign]

    def set_model(self, model: Any) -> None:
        super().set_model(model)
        self._in_fit = False
        self._close()

    def set_run(self, facts: dict[str, Any]) -> None:
        self._facts = facts

    def on_train_begin(self, logs: Logs | None = None) -> None:
        self._batch = 0
        self._in_fit = True

    def on_train_end(self, logs: Logs | None = None) -> None:
        if self._profiler:
            self._profiler.on_train_end(logs)
        self._end(succeeded=True)

    def on_leave(self) -> None:
        self._end(succeeded=False)  # where training came to its end, nothing is open any more

    def get_state(self) -> dict[str, Any]:
        """The number of batches so far; clocks and files are not part of a checkpoint."""
        return {"_batch": self._batch}

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        if self.write_steps_per_second:
            self._began = time.perf_counter(), self._iterations()

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        logs = dict(logs or {})
        validation = {name: logs.pop(name) for name in list(logs) if name.startswith("val_")}
        with contextlib.suppress(AttributeError):  # an optax optimizer without such an attribute
            logs |= rates_of(self.model)
        if self.write_steps_per_second:
            seconds, steps = self._began
            passed = max(time.perf_counter() - seconds, 1e-9)
            logs["steps_per_second"] = (self._iterations() - steps) / passed
        self._write("train", {f"epoch_{name}": value for name, value in logs.items()}, epoch)
        shown = {f"epoch_{name[4:]}": value for name, value in validation.items()}
        self._write("validation", shown, epoch)
        if self.hparams and not self._in_session:
            self._begin_session(logs, shown)
        if self.histogram_freq and epoch % self.histogram_freq == 0:
            self._write_weights(epoch)

    def on_test_end(self, logs: Logs | None = None) -> None:
        shown = {f"evaluation_{name}_vs_iterations": v for name, v in (logs or {}).items()}
        self._write("validation", shown, self._iterations())
        if not self._in_fit:
            self._close()

    def _begin_session(self, logs: Logs, validation: Logs) -> None:
        """Writes the hyper-parameters, once the tags that measure the run are known."""
        values = hyperparameters(self, self._facts)
        if isinstance(self.hparams, Mapping):
            values = flat(self.hparams)
        tags = [("validation", tag) for tag in validation]
        tags += [("train", f"epoch_{name}") for name in logs]
        for summary in session_start(values, tags):
            self._writer("").file_writer.add_summary(summary)
        self._in_session = True

    def _end(self, *, succeeded: bool) -> None:
        if self._in_session:
            self._writer("").file_writer.add_summary(session_end(succeeded))
        self._in_fit = self._in_session = False
        self._close()

    def _begin_batch(self, batch: int, logs: Logs | None = None) -> None:
        self._batch += 1
        self._batch_began = time.perf_counter()
        self._profile("on_train_batch_begin", batch)

    def _end_batch(self, batch: int, logs: Logs | None = None) -> None:
        self._profile("on_train_batch_end", batch)
        if self.update_freq == "epoch" or self._batch % self.update_freq:
            return
        logs = dict(logs or {})
        if self.write_steps_per_second:
            logs["steps_per_second"] = 1 / max(time.perf_counter() - self._batch_began, 1e-9)
        self._write("train", {f"batch_{name}": value for name, value in logs.items()}, self._batch)

    def _profile(self, hook: str, batch: int) -> None:
        """Forwards a hook to the profiler, until the profiler is done."""
        function = getattr(self._profiler, hook, None)
        if function is not None:
            function(batch)

    def _write(self, part: str, values: dict[str, Any], step: int) -> None:
        """Writes the numbers among `values` to the folder `part`."""
        for tag, value in values.items():
            if np.ndim(value) == 0:
                self._writer(part).add_scalar(tag, value, step)

    def _write_weights(self, epoch: int) -> None:
        writer = self._writer("train")
        for part in (self.model.params, self.model.state):
            for path, weight in named_leaves(part).items():
                tag, values = f"{self.model.name}/{path}", np.asarray(on_host(weight), np.float32)
                finite = np.isfinite(values)
                if finite.any():  # a histogram has no place for NaN and infinity
                    writer.add_histogram(f"{tag}/histogram", values[finite], epoch)
                image = np.where(finite, values, 0).squeeze()
                if self.write_images and image.ndim in (1, 2):
                    rows = np.atleast_2d(image)  # a vector as one row, a matrix as a wide image
                    wide = rows.T if rows.shape[0] > rows.shape[1] else rows
                    writer.add_image(f"{tag}/image", wide, epoch, dataformats="HW")

    def _writer(self, part: str) -> Any:
        """The open writer of the folder `part`."""
        if part not in self._writers:
            self._writers[part] = open_writer(os.path.join(self.log_dir, part))
        return self._writers[part]

    def _close(self) -> None:
        for writer in self._writers.values():
            writer.close()
        self._writers = {}

    def _iterations(self) -> int:
        return int(getattr(self.model.optimizer, "iterations", self.model.train_state.step))


def need_writer(who: str) -> None:
    """Raises an ImportError unless tensorboardX is installed."""
    _need("tensorboardX", who)


def need_pillow(who: str) -> None:
    """Raises an ImportError unless Pillow, by which images are written, is installed."""
    _need("PIL", who, "Pillow")


def _need(module: str, who: str, package: str | None = None) -> None:
    if importlib.util.find_spec(module) is None:
        name = package or module
        raise ImportError(f"{who} needs {name}, which is not installed: pip install {name}")


def _steps_to_profile(value: int | str | tuple[int, int]) -> tuple[int, int] | None:
    """The first and the last step to profile, or None for none."""
    parts = value.split(",") if isinstance(value, str) else value
    try:
        steps = [int(step) for step in parts] if isinstance(parts, list | tuple) else [int(parts)]
    except (TypeError, ValueError):
        steps = [-1]
    first, last = steps[0] if steps else -1, steps[-1] if steps else -1
    if first == last == 0:
        return None
    if len(steps) > 2 or not 1 <= first <= last:
        raise ValueError(
            "TensorBoard: `profile_batch`: expected 0, the number of a step from 1, or the first "
            f"and the last step, such as (10, 20), got {describe(value)}."
        )
    return first, last
