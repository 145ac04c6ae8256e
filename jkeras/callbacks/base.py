"""The callback protocol: host-side hooks around training, evaluation and prediction.

A callback is any object with some of the hooks below; `Callback` has all of them, doing nothing.
Hooks around epochs and phases cost nothing. A hook around batches makes training stop after every
step and read its results, which is several times slower for a small model; nobody else pays for it.
A callback that says `async_safe = True` does not need every step: its batch hooks are called once
for each dispatch of many steps, a dispatch late, and cost nothing either. One that wants to look
after every so many steps says so with `boundaries`, and dispatches end there.

What a callback remembers is part of a checkpoint: `get_state` and `set_state` say what that is.
"""

from __future__ import annotations

from typing import Any

from jkeras.callbacks.callback_state import AT_START, changed_attributes, restore_attributes

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
      async_safe: whether batch hooks may come late, and once for many steps; the number they get is
        then that of the last of these steps, and `logs` are means over the epoch so far, as always.
      boundaries: after so many steps each, counted on from epoch to epoch, `on_boundary` is called;
        None for never.

    Source: `keras.callbacks.Callback`.
    """

    model: Any = None
    params: dict[str, Any] | None = None
    async_safe: bool = False
    boundaries: int | None = None

    def set_model(self, model: Any) -> None:
        """Called before anything else with the trainer."""
        self.model = model

    def set_params(self, params: dict[str, Any]) -> None:
        """Called before anything else with the run's parameters."""
        self.params = params

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Before the first epoch."""

    def on_train_end(self, logs: Logs | None = None) -> None:
        """After the last epoch; `logs` are that epoch's."""

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        """Before an epoch, counted from 0."""

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """After an epoch and its validation; `logs` hold both, `val_` before the latter's names."""

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
        """After every `boundaries` steps; everything stands still, and all batch hooks were called
        up to `batch`, counted from 0 in the epoch.
        """

    def on_pause(self, reason: str) -> None:
        """When everything stands still and every callback has heard of all that was: `reason` is
        "epoch" after each epoch, "interrupt" after Ctrl-C or a request to end.
        """

    def on_leave(self) -> None:
        """When `fit` is left, in whatever way: by an error, too."""

    def earlier_run(self) -> Any:
        """The state of a run to go on from, as `Trainer.snapshot` gave it; None to begin anew.

        Asked after `on_train_begin`.
        """
        return None

    def get_state(self) -> dict[str, Any]:
        """What this callback remembers of a run, for a checkpoint.

        By default its attributes that are numbers, strings, arrays, Python's containers of them,
        random generators, or objects with such attributes alone; those that `__init__` has an
        argument of that name for, when they have changed since `fit` began.
        """
        return changed_attributes(self, vars(self).get(AT_START))

    def set_state(self, state: dict[str, Any]) -> None:
        """Takes back what `get_state` gave, after `on_train_begin` of a run that goes on."""
        restore_attributes(self, state)
