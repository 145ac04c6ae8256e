"""`ProgbarLogger`: the progress bar as a callback, for custom training loops."""

from __future__ import annotations

from typing import Any

from jkeras.callbacks.base import Callback, Logs
from jkeras.display import ProgressBar, epoch_header, write_text


class ProgbarLogger(Callback):
    """Draws the progress bar of `fit`.

    `CallbackList(add_progbar=True, epochs=…, steps=…, verbose=…)` makes one. In the `callbacks` of
    `fit` it replaces the trainer's own bar.

    Attributes:
      seen: the number of finished steps in this epoch.
      target: steps in all, or None when unknown.
      epochs: the number of the last epoch.
      verbose: 0 silent, 1 a bar, 2 one line at the end.
      progbar: the bar of this epoch.

    Source: `keras.callbacks.ProgbarLogger`.
    """

    async_safe = True

    def __init__(self) -> None:
        self.seen = 0
        self.target: int | None = None
        self.epochs = 1
        self.verbose: int | str = 1
        self.progbar: ProgressBar | None = None
        self._in_fit = False

    def set_params(self, params: dict[str, Any]) -> None:
        super().set_params(params)
        self._in_fit = False
        self.verbose = params.get("verbose", 1)
        self.epochs = params.get("epochs", 1)
        self.target = params.get("steps")

    def on_train_begin(self, logs: Logs | None = None) -> None:
        self._in_fit = True

    def on_train_end(self, logs: Logs | None = None) -> None:
        self._in_fit = False

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        self._begin()
        if self.verbose and self.epochs > 1:
            write_text(None, epoch_header(epoch + 1, self.epochs) + "\n")

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        self._move(batch, logs)

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        self._finish(logs)

    def on_test_begin(self, logs: Logs | None = None) -> None:
        if not self._in_fit:
            self._begin()

    def on_test_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        if not self._in_fit:
            self._move(batch, logs)

    def on_test_end(self, logs: Logs | None = None) -> None:
        if not self._in_fit:
            self._finish(logs)

    def on_predict_begin(self, logs: Logs | None = None) -> None:
        self._begin()

    def on_predict_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        self._move(batch, None)

    def on_predict_end(self, logs: Logs | None = None) -> None:
        self._finish(None)

    def get_state(self) -> dict[str, Any]:
        """An empty dict: a checkpoint holds no progress bar."""
        return {}

    def _begin(self) -> ProgressBar:
        self.seen = 0
        self.progbar = ProgressBar(self.target, verbose=self.verbose)
        return self.progbar

    def _move(self, batch: int, logs: Logs | None) -> None:
        bar = self.progbar or self._begin()
        self.seen = batch + 1
        bar.update(self.seen, logs or {}, finalize=False)

    def _finish(self, logs: Logs | None) -> None:
        bar = self.progbar or self._begin()
        bar.target = self.target or self.seen
        bar.update(bar.target, logs or {}, finalize=True)
