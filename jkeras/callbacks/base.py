"""The callback protocol: host-side hooks around training, evaluation and prediction.

A callback is any object with some of the hooks below; `Callback` has all of them, doing nothing.
Hooks around epochs and phases cost nothing. A hook around batches makes training stop after every
step and read its results, which is several times slower for a small model; without such a hook
steps are dispatched together. A callback with `async_safe = True` does not need every step: its
batch hooks are called once for each dispatch of many steps, one dispatch late, and cost nothing
either. A callback that runs after every n steps sets `boundaries = n`, and dispatches end there.

The state of a callback is part of a checkpoint: `get_state` returns it and `set_state` restores it.
"""

from __future__ import annotations

from typing import Any

from jkeras.callbacks.callback_state import AT_START, changed_attributes, restore_attributes
from jkeras.core.pickling import packed, unpacked

Logs = dict[str, float]
PHASES = ("train", "test", "predict")
BATCH_HOOKS = tuple(f"on_{phase}_batch_{when}" for phase in PHASES for when in ("begin", "end"))
HOOKS = (
    *(f"on_{phase}_{when}" for phase in PHASES for when in ("begin", "end")),
    "on_epoch_begin",
    "on_epoch_end",
    *BATCH_HOOKS,
    "on_batch_begin",
    "on_batch_end",
)


class Callback:
    """Base of callbacks: override the hooks you need.

    Attributes:
      model: the trainer that runs it; set `model.stop_training = True` to end after this epoch.
      params: `{"verbose": …, "epochs": …, "steps": …}` of the run.
      async_safe: whether batch hooks may be called late, and once for many steps; `batch` is then
        the number of the last of these steps, and `logs` are still means over the epoch so far.
      boundaries: the number of steps from one call of `on_boundary` to the next, counted across
        epochs; None for no calls.
      writes_files: whether the callback writes files or sends logs away; `fit(fast_dev_run=True)`
        leaves it out, and of several processes the first one alone calls it.
      on_all_processes: whether all processes call a callback that writes files, because it reads
        weights, which may be cut over them.

    Source: `keras.callbacks.Callback`.
    """

    model: Any = None
    params: dict[str, Any] | None = None
    async_safe: bool = False
    boundaries: int | None = None
    writes_files: bool = False
    on_all_processes: bool = False

    def __getstate__(self) -> dict[str, Any]:
        return packed(vars(self))

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(unpacked(state))

    def set_model(self, model: Any) -> None:
        """Called before all other hooks, with the trainer."""
        self.model = model

    def set_params(self, params: dict[str, Any]) -> None:
        """Called before all other hooks, with the parameters of the run."""
        self.params = params

    def set_run(self, facts: dict[str, Any]) -> None:
        """Called when a run of `fit` is made, with what its batches rest on: for arrays the
        `examples` and the `batch_size`, for all data `steps_per_epoch` and `shuffle`.
        """

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Before the first epoch."""

    def on_train_end(self, logs: Logs | None = None) -> None:
        """After the last epoch; `logs` are that epoch's."""

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        """Before an epoch, counted from 0."""

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """After an epoch and its validation, whose names in `logs` begin with `val_`."""

    def on_train_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        """Before a training step, counted from 0 in the epoch; calls `on_batch_begin`."""
        self.on_batch_begin(batch, logs)

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """After a training step; `logs` are means over the epoch so far. Calls `on_batch_end`."""
        self.on_batch_end(batch, logs)

    def on_test_begin(self, logs: Logs | None = None) -> None:
        """Before an evaluation, a validation in `fit` included."""

    def on_test_end(self, logs: Logs | None = None) -> None:
        """After an evaluation."""

    def on_test_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        """Before an evaluation step."""

    def on_test_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """After an evaluation step."""

    def on_predict_begin(self, logs: Logs | None = None) -> None:
        """Before a prediction."""

    def on_predict_end(self, logs: Logs | None = None) -> None:
        """After a prediction."""

    def on_predict_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        """Before a prediction step."""

    def on_predict_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        """After a prediction step; `logs["outputs"]` holds the outputs of its batch."""

    def on_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        """Another name for `on_train_batch_begin`."""

    def on_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """Another name for `on_train_batch_end`."""

    def on_boundary(self, batch: int, logs: Logs | None = None) -> None:
        """After every `boundaries` steps, when no step is in flight and all batch hooks up to
        `batch`, counted from 0 in the epoch, have run.
        """

    def on_pause(self, reason: str) -> None:
        """When no step is in flight and all earlier hooks have run: `reason` is "epoch" after each
        epoch, "interrupt" after Ctrl-C or a termination request (SIGTERM).
        """

    def on_leave(self) -> None:
        """When `fit` ends, also by an error."""

    def earlier_run(self) -> Any:
        """The state of a run to continue, from `Trainer.snapshot`; None to start from scratch.

        Called after `on_train_begin`.
        """
        return None

    def get_state(self) -> dict[str, Any]:
        """The state of this callback in a run, for a checkpoint.

        By default the attributes that are numbers, strings, arrays, Python's containers of them,
        random generators, or objects with only such attributes. An attribute that is named like an
        argument of `__init__` is included if it has changed since `fit` began.
        """
        return changed_attributes(self, vars(self).get(AT_START))

    def set_state(self, state: dict[str, Any]) -> None:
        """Restores the state of `get_state`, after `on_train_begin` of a continued run."""
        restore_attributes(self, state)
