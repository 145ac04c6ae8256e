"""Ending a training whose loss is no number any more."""

from __future__ import annotations

import math

from jkeras.callbacks.base import Callback, Logs
from jkeras.core.errors import named_arguments


class TerminateOnNaN(Callback):
    """Ends training within the epoch when the loss is NaN or infinite.

    It looks at the mean of the losses of the epoch so far, which no later batch makes finite again,
    when the results of a dispatch of steps arrive. So it costs nothing, nothing can escape it, and
    the steps of at most two more dispatches, tenths of a second, are made meanwhile; in Keras every
    step is waited for.

    Args:
      raise_error: raise instead of ending gracefully; then `on_train_end` of no callback is called,
        and what others have saved stays as it is.

    Raises:
      RuntimeError: while training, with `raise_error`.

    Source: `keras.callbacks.TerminateOnNaN`.
    """

    async_safe = True

    @named_arguments
    def __init__(self, raise_error: bool = False) -> None:
        self.raise_error = raise_error

    def on_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        loss = (logs or {}).get("loss")
        if loss is None or math.isfinite(loss):
            return
        if self.raise_error:
            raise RuntimeError(
                f"NaN or Inf loss encountered at batch {batch}. "
                f"Loss value: {loss}. Terminating training immediately."
            )
        if not self.model.stop_training:
            print(f"Batch {batch}: Invalid loss, terminating training")
        self.model.stop_training = True
