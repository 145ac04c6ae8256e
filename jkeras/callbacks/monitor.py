"""The base of callbacks that monitor a value of the logs: its direction, and its improvements.

The direction, whether larger or smaller is better, is `mode`, or follows from the class of the
model's metric with that name, else from words in the name. If neither is known, `mode` is required.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterable, Sequence
from typing import Any, Literal

from jkeras.callbacks.base import Callback, Logs
from jkeras.core.errors import WrongTypeError, describe, nearest
from jkeras.core.naming import snake_case
from jkeras.core.trees import widest_float

Mode = Literal["auto", "min", "max"]

_RISING = (
    "acc", "auc", "concordance", "correlation", "cosine_similarity", "f1", "fbeta", "io_u", "iou",
    "precision", "r2", "recall", "sensitivity", "specificity", "top_k",
)  # fmt: skip
_FALLING = (
    "crossentropy", "divergence", "error", "hinge", "kld", "logcosh", "log_cosh", "loss", "mae",
    "mape", "mse", "msle", "poisson", "rmse",
)  # fmt: skip


class MonitorCallback(Callback):
    """Base of callbacks that check whether `monitor` has improved.

    Args:
      monitor: a log name, such as `"val_loss"`.
      mode: "min", "max", or "auto", which goes by the metric.
      baseline: the initial value of `best`; None for the first value in the logs.
      min_delta: the least change that counts as an improvement, in the monitor's units.

    Attributes:
      best: the best value so far; None before the first one.
      monitor_op: `jkeras.ops.greater` or `jkeras.ops.less`, as the direction is.

    A NaN is never the best value. (In Keras a first NaN is, and no later value improves on it.)

    Raises:
      TypeError: `monitor` is not a string.
      ValueError: an unknown mode; while training: "auto" cannot determine the direction.

    Example:
      >>> callback = MonitorCallback("val_loss", min_delta=0.5)
      >>> callback.improves(1.0, reference=1.75), callback.improves(1.5, reference=1.75)
      (True, False)

    Source: Keras's `MonitorCallback`.
    """

    def __init__(
        self,
        monitor: str = "val_loss",
        mode: Mode = "auto",
        baseline: float | None = None,
        min_delta: float = 0,
    ) -> None:
        who = type(self).__name__
        if not isinstance(monitor, str):
            raise WrongTypeError(
                f"{who}: `monitor`: expected the name of a value in the logs, such as 'val_loss', "
                f"got {describe(monitor)}."
            )
        if mode not in ("auto", "min", "max"):
            hint = nearest(mode, ("auto", "min", "max")) if isinstance(mode, str) else ""
            raise ValueError(f"{who}: `mode`: expected 'auto', 'min' or 'max', got {mode!r}.{hint}")
        self.monitor = monitor
        self.mode = mode
        self.best = baseline
        self.min_delta = abs(min_delta)
        self._rises: bool | None = {"max": True, "min": False}.get(mode)

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Determines the direction, if the model already has a metric of this name."""
        if self.monitor.removeprefix("val_") in getattr(self.model, "metrics_names", ()):
            self.rises()

    def rises(self) -> bool:
        """Whether a larger value is better.

        Raises:
          ValueError: neither `mode` nor the metric says so.
        """
        if self._rises is None:
            self._rises = direction(self.monitor, getattr(self.model, "metrics", ()))
        if self._rises is None:
            raise ValueError(
                f"{type(self).__name__}: `mode`: cannot tell whether {self.monitor!r} is better "
                "when it is smaller or larger. Say so: mode='min' or mode='max'."
            )
        return self._rises

    def check_direction(self, logs: Logs | None) -> None:
        """Raises a ValueError if neither `mode` nor the metric says which way is better; of one
        that is not among the logs it says that.
        """
        try:
            self.rises()
        except ValueError:
            if self.monitor in (logs or {}):
                raise
            raise ValueError(self._missing(logs or {})) from None

    def _missing(self, logs: Logs) -> str:
        """The message for a monitor that is not in the logs."""
        validated = self.monitor.startswith("val_")
        alike = [name for name in logs if name.startswith("val_") == validated]
        return (
            f"{type(self).__name__}: `monitor` {self.monitor!r} is not among the logs: "
            f"{', '.join(logs)}.{nearest(self.monitor, alike)} "
            "For a `val_` value give `fit` validation data."
        )

    @property
    def monitor_op(self) -> Any:
        """`ops.greater` or `ops.less`: whether a new value is better than an old one."""
        from jkeras import ops

        return ops.greater if self.rises() else ops.less

    def improves(self, value: float, reference: float | None) -> bool:
        """Whether `value` is better than `reference` by more than `min_delta`."""
        if math.isnan(value):
            return False
        if reference is None:
            return True
        least = self.min_delta if self.rises() else -self.min_delta
        # In the dtype of the logs, as in Keras: what differs by less is a tie.
        new, old = (widest_float().type(x) for x in (value - least, reference))
        return bool(new > old if self.rises() else new < old)

    def value_in(self, logs: Logs | None) -> float | None:
        """The value of `monitor`, or None with a warning if the logs do not have it."""
        logs = logs or {}
        if self.monitor not in logs:
            warnings.warn(self._missing(logs), stacklevel=3)
            return None
        value: Any = logs[self.monitor]
        while isinstance(value, list) and len(value) == 1:  # one number, as of a metric by class
            value = value[0]
        try:
            return float(value)
        except TypeError:
            raise ValueError(
                f"{type(self).__name__}: `monitor`: expected one number as {self.monitor!r}, got "
                f"{describe(logs[self.monitor])}. Watch a metric that returns a single number."
            ) from None


def direction(monitor: str, metrics: Iterable[Any] = ()) -> bool | None:
    """Whether a larger value is better, by the metric's class or else by the name; None if unknown.

    Args:
      monitor: a log name.
      metrics: the model's metrics, each with a `log_name`.

    Example:
      >>> direction("val_accuracy"), direction("val_loss"), direction("false_positives")
      (True, False, None)
    """
    name = monitor.removeprefix("val_")
    class_names = []
    for metric in metrics:
        if getattr(metric, "log_name", getattr(metric, "name", None)) == name:
            loss_or_metric = getattr(metric, "loss", metric)  # the loss of a `LossMetric`
            class_names.append(snake_case(type(loss_or_metric).__name__))
    for words in [*class_names, name]:
        if words.endswith("loss") or any(word in words for word in _FALLING):
            return False
        if any(word in words for word in _RISING):
            return True
    return None


def best_index(monitor: str, values: Sequence[float], metrics: Iterable[Any] = ()) -> int | None:
    """The index of the best of some values; None where the direction is not known or no value is
    finite.

    Args:
      monitor: a log name.
      values: its values.
      metrics: as for `direction`.

    Example:
      >>> best_index("val_loss", [0.5, 0.25, float("nan")]), best_index("false_positives", [1.0])
      (1, None)
    """
    rises = direction(monitor, metrics)
    finite = [index for index, value in enumerate(values) if math.isfinite(value)]
    if rises is None or not finite:
        return None
    return (max if rises else min)(finite, key=values.__getitem__)
