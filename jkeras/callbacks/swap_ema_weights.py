"""Evaluating with averaged weights, and training on with the others."""

from __future__ import annotations

from typing import Any

from jkeras.callbacks.base import Callback, Logs
from jkeras.core.errors import named_arguments


class SwapEMAWeights(Callback):
    """Puts the optimizer's averages of the weights in their place while the model evaluates or
    predicts, and the weights back afterwards.

    Args:
      swap_on_epoch: put them in place at the end of each epoch too, until the next begins, so that
        callbacks after this one (a `ModelCheckpoint`) see them.

    Raises:
      ValueError: when it is given to a model whose optimizer has no `use_ema`.

    Differs from Keras: a prediction ends with the weights it began with, and a run that is stopped
    early ends with the averages, as every other does.

    Source: `keras.callbacks.SwapEMAWeights`.
    """

    @named_arguments
    def __init__(self, swap_on_epoch: bool = False) -> None:
        self.swap_on_epoch = swap_on_epoch
        self._kept: Any = None

    def set_model(self, model: Any) -> None:
        if model is not self.model:
            self._kept = None  # they are another model's
        super().set_model(model)
        optimizer = model.optimizer
        multi = getattr(optimizer, "optimizer_map", None) is not None
        if not multi and getattr(optimizer, "use_ema", False) is not True:
            raise ValueError(
                "SwapEMAWeights: expected a model whose optimizer keeps averages, got "
                f"{optimizer!r}. Write compile(optimizer=Adam(use_ema=True), ...)."
            )

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        self._put_back()

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        if self.swap_on_epoch:
            self._swap()

    def on_train_end(self, logs: Logs | None = None) -> None:
        self._kept = None  # training ends with the averages by itself

    def on_test_begin(self, logs: Logs | None = None) -> None:
        self._swap()

    def on_test_end(self, logs: Logs | None = None) -> None:
        self._put_back()

    def on_predict_begin(self, logs: Logs | None = None) -> None:
        self._swap()

    def on_predict_end(self, logs: Logs | None = None) -> None:
        self._put_back()

    def _swap(self) -> None:
        if self._kept is None:
            self._kept = self.model.params
            self.model.params = self.model.optimizer.averaged_params()

    def _put_back(self) -> None:
        if self._kept is not None:
            self.model.params, self._kept = self._kept, None
