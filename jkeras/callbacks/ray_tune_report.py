"""`RayTuneReport`: a trial of Ray Tune hears of every epoch, and goes on where it was stopped."""

from __future__ import annotations

import base64
import pickle
import tempfile
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from jkeras.callbacks.base import Callback, Logs
from jkeras.core.errors import WrongTypeError, describe, named_arguments, nearest
from jkeras.core.packages import need_package
from jkeras.core.processes import current, follows
from jkeras.saving import runs

WHO = "RayTuneReport"


class RayTuneReport(Callback):
    """Reports the logs of every epoch to Ray Tune, with a checkpoint of the whole run, from which a
    trial that Ray starts again goes on: after a crash, on another machine, or as a copy of a better
    trial.

        def trainable(config):
            model = make(config["learning_rate"])
            model.fit(x, y, epochs=20, callbacks=[jkeras.callbacks.RayTuneReport()], verbose=0)

        space = {"learning_rate": ray.tune.loguniform(1e-4, 1e-1)}
        ray.tune.Tuner(trainable, param_space=space).fit()

    A schedule of Ray that gives a copy of a trial other values of the optimizer names them in
    `keep`: the checkpoint's are not taken.

    Of several processes that train together, all are given the callback; the first one is the trial
    and reports. The others read its checkpoint, when the trial starts again, from where Ray keeps
    it: a folder or storage that all of them see.

    Args:
      metrics: the logs to report: a list of names, or a dict from names in Ray to names of logs;
        all of them when left out.
      checkpoint_freq: epochs from one checkpoint to the next; 0 for none.
      keep: the values of the optimizer, such as `["learning_rate"]`, that a trial keeps as it was
        compiled when it goes on from a checkpoint.

    Raises:
      ImportError: Ray is not installed.
      TypeError, ValueError: an argument has a wrong type or value; after the first epoch: a metric
        is not among the logs.
      RuntimeError: when training begins: no trial of Ray runs here.

    Source: `ray.tune.integration.keras.TuneReportCheckpointCallback`, which needs TensorFlow.
    """

    writes_files = True
    on_all_processes = True

    @named_arguments
    def __init__(
        self,
        metrics: Sequence[str] | Mapping[str, str] | None = None,
        checkpoint_freq: int = 1,
        keep: Sequence[str] = (),
    ) -> None:
        need_package("ray", WHO, "ray")
        if isinstance(metrics, str) or not isinstance(metrics, Sequence | Mapping | None):
            raise WrongTypeError(
                f"{WHO}: `metrics`: expected a list of names of logs, or a dict to them, got "
                f"{describe(metrics)}."
            )
        if isinstance(checkpoint_freq, bool) or not isinstance(checkpoint_freq, int):
            raise WrongTypeError(
                f"{WHO}: `checkpoint_freq`: expected a number of epochs, got "
                f"{describe(checkpoint_freq)}."
            )
        if checkpoint_freq < 0:
            raise ValueError(
                f"{WHO}: `checkpoint_freq`: expected at least 0, got {checkpoint_freq}."
            )
        self.metrics = metrics
        self.checkpoint_freq = checkpoint_freq
        self.keep = tuple(keep)
        self._logs: dict[str, Any] | None = None
        self._epoch = 0
        self._kept: dict[str, Any] = {}

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Looks whether a trial runs here, and notes the values of the optimizer to keep."""
        self._logs = None
        if not current().led(not follows() and _is_in_trial()):
            raise RuntimeError(
                f"{WHO}: expected a trial of Ray Tune, got none. Call `fit` in a function that "
                "ray.tune.Tuner runs, or leave the callback out."
            )
        optimizer = self.model.optimizer
        for name in self.keep:
            if not hasattr(optimizer, name):
                raise ValueError(
                    f"{WHO}: `keep`: expected values of the optimizer, got {name!r}."
                    f"{nearest(name, [n for n in dir(optimizer) if n[0] != '_'])}"
                )
        self._kept = {name: float(getattr(optimizer, name)) for name in self.keep}

    def earlier_run(self) -> Any:
        """The run in the checkpoint with which Ray started the trial; None for a new trial."""
        checkpoint = _checkpoint()
        if checkpoint is None:
            return None
        with checkpoint.as_directory() as folder:
            return runs.read(Path(folder) / runs.LATEST)

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        """Gives the optimizer the values to keep, once an earlier run has given its own."""
        for name, value in self._kept.items():
            setattr(self.model.optimizer, name, value)
        self._kept = {}

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Notes the logs; `on_pause` reports them, after `on_epoch_end` of all callbacks."""
        self._epoch, self._logs = epoch + 1, self._chosen(logs or {})

    def on_pause(self, reason: str) -> None:
        if self._logs is not None:
            logs, self._logs = self._logs, None
            self._report(logs)

    def get_state(self) -> dict[str, Any]:
        """An empty dict: Ray keeps what was reported."""
        return {}

    def _chosen(self, logs: Logs) -> dict[str, Any]:
        if self.metrics is None:
            return dict(logs)
        pairs = self.metrics
        if not isinstance(pairs, Mapping):
            pairs = {name: name for name in pairs}
        for name in pairs.values():
            if name not in logs:
                raise ValueError(
                    f"{WHO}: `metrics`: {name!r} is not among the logs: {', '.join(logs)}."
                    f"{nearest(name, logs)}"
                )
        return {name: logs[source] for name, source in pairs.items()}

    def _report(self, logs: dict[str, Any]) -> None:
        from ray import tune

        is_due = self.checkpoint_freq and not self._epoch % self.checkpoint_freq
        snapshot = self.model.snapshot() if is_due else None  # which all processes gather
        if follows():
            return
        if snapshot is None:
            tune.report(logs)
            return
        with tempfile.TemporaryDirectory() as folder:
            runs.write_latest(folder, snapshot, double=False)
            tune.report(logs, checkpoint=tune.Checkpoint.from_directory(folder))


def _is_in_trial() -> bool:
    from ray import tune

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Ray's, which says less than the error about it
        return tune.get_context().get_trial_id() is not None


def _checkpoint() -> Any:
    """The checkpoint with which Ray started the trial, in every process; None for a new trial."""
    from ray import tune

    found = None if follows() else tune.get_checkpoint()
    text = current().led(None if found is None else base64.b64encode(pickle.dumps(found)).decode())
    if not follows() or text is None:
        return found
    return pickle.loads(base64.b64decode(text))  # from the first of our own processes
