"""`TerminateOnNaN`: ends training when the loss is NaN or infinite."""

from __future__ import annotations

import math

from jkeras.callbacks.base import Callback, Logs
from jkeras.core.errors import named_arguments
from jkeras.core.session import print_message


class TerminateOnNaN(Callback):
    """Ends training within the epoch when the loss is NaN or infinite.

    The callback checks the mean loss of the epoch so far when the results of a dispatch of steps
    arrive. A mean that is not finite stays so, so no step is missed, and no step waits for the
    check: at most two more dispatches, tenths of a second, run before training ends. (Keras waits
    for every step.) With it `fit` does not refuse data that hold NaN or infinity: they end training
    here.

    Args:
      raise_error: whether to raise an error instead of ending training; then no callback's
        `on_train_end` is called, and the files that other callbacks saved stay as they are.

    Raises:
      RuntimeError: while training, with `raise_error`.

    Source: `keras.callbacks.TerminateOnNaN`.
    """

    async_safe = True
    handles_nans = True

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
            print_message(f"Batch {batch}: Invalid loss, terminating training")
        self.model.stop_training = True
