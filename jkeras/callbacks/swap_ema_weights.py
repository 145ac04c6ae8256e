"""`SwapEMAWeights`: evaluation with the averaged weights, training with the latest weights."""

from __future__ import annotations

from typing import Any

from jkeras.callbacks.base import Callback, Logs
from jkeras.core.errors import named_arguments


class SwapEMAWeights(Callback):
    """Replaces the weights by the optimizer's moving averages while the model evaluates or
    predicts, and restores the weights afterwards.

    Args:
      swap_on_epoch: use the averages from the end of each epoch to the start of the next too, so
        that later callbacks (a `ModelCheckpoint`) see the averages.

    Raises:
      ValueError: the optimizer of the model has no `use_ema`.

    Differs from Keras: a prediction ends with the weights that it began with, and a run that is
    stopped early ends with the averages, like every other run.

    Source: `keras.callbacks.SwapEMAWeights`.
    """

    @named_arguments
    def __init__(self, swap_on_epoch: bool = False) -> None:
        self.swap_on_epoch = swap_on_epoch
        self._training_params: Any = None

    def set_model(self, model: Any) -> None:
        if model is not self.model:
            self._training_params = None  # those are of another model
        super().set_model(model)
        optimizer = model.optimizer
        multi = getattr(optimizer, "optimizer_map", None) is not None
        if not multi and getattr(optimizer, "use_ema", False) is not True:
            raise ValueError(
                "SwapEMAWeights: expected a model whose optimizer keeps averages, got "
                f"{optimizer!r}. Write compile(optimizer=Adam(use_ema=True), ...)."
            )

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        self._restore()

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        if self.swap_on_epoch:
            self._swap()

    def on_train_end(self, logs: Logs | None = None) -> None:
        self._training_params = None  # training ends with the averages by itself

    def on_test_begin(self, logs: Logs | None = None) -> None:
        self._swap()

    def on_test_end(self, logs: Logs | None = None) -> None:
        self._restore()

    on_predict_begin, on_predict_end = on_test_begin, on_test_end

    def _swap(self) -> None:
        if self._training_params is None:
            self._training_params = self.model.params
            self.model.params = self.model.optimizer.averaged_params()

    def _restore(self) -> None:
        if self._training_params is not None:
            self.model.params, self._training_params = self._training_params, None
