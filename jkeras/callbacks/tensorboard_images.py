"""`TensorBoardImages`: pictures of inputs, of what a model makes, and figures, for TensorBoard."""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from jkeras.callbacks.base import Callback, Logs
from jkeras.callbacks.event_files import open_writer
from jkeras.callbacks.tensorboard import need_pillow, need_writer
from jkeras.core.errors import WrongTypeError, describe, named_arguments
from jkeras.display.labels import unit_brightness

if TYPE_CHECKING:
    from numpy.typing import ArrayLike


class TensorBoardImages(Callback):
    """Writes images for TensorBoard: those it is given before training, or what a function makes
    of the model after every so many epochs.

    Args:
      log_dir: the folder to give to TensorBoard; that of the callback `TensorBoard` will do.
      images: `[n, height, width]` or `[n, height, width, channels]` with 1, 3 or 4 channels; or a
        function from the model to such an array, to a figure of matplotlib, or to a dict of these
        by tag: `lambda model: {"made": model.predict(noise, verbose=0)}`.
      tag: the tag of images without one of their own.
      freq: the number of epochs from one call of the function to the next.
      most: images of an array at most, side by side.

    Raises:
      ImportError: tensorboardX or Pillow is not installed.
      TypeError, ValueError: an argument has a wrong type or value; while training: the function
        returns something else.

    Example:
      >>> callback = TensorBoardImages("logs", np.zeros((4, 8, 8), np.uint8), tag="digits")

    Source: `tf.summary.image`, as guides of TensorBoard call it in a callback.
    """

    writes_files = True
    on_all_processes = True

    @named_arguments
    def __init__(
        self,
        log_dir: str | os.PathLike[str],
        images: ArrayLike | Callable[[Any], object],
        *,
        tag: str = "images",
        freq: int = 1,
        most: int = 16,
    ) -> None:
        for name, value in (("freq", freq), ("most", most)):
            if isinstance(value, bool) or not isinstance(value, int) or value < 1:
                raise ValueError(
                    f"TensorBoardImages: `{name}`: expected a positive integer, got "
                    f"{describe(value)}."
                )
        if not callable(images):
            pixels_of("images", images)
        need_writer("TensorBoardImages")
        need_pillow("TensorBoardImages")
        self.log_dir = os.fspath(log_dir)
        self.images: Any = images
        self.tag = tag
        self.freq = freq
        self.most = most
        self._writer: Any = None

    def on_train_begin(self, logs: Logs | None = None) -> None:
        if not callable(self.images):
            self._write(self.images, 0)

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        if callable(self.images) and epoch % self.freq == 0:
            self._write(self.images(self.model), epoch)

    def on_leave(self) -> None:
        writer, self._writer = self._writer, None
        if writer is not None:
            writer.close()

    def on_train_end(self, logs: Logs | None = None) -> None:
        self.on_leave()

    def get_state(self) -> dict[str, Any]:
        """An empty dict: files are no part of a checkpoint."""
        return {}

    def _write(self, images: object, epoch: int) -> None:
        named = images if isinstance(images, Mapping) else {self.tag: images}
        for tag, value in named.items():
            pixels = pixels_of(tag, value)[: self.most]
            if self._writer is None:
                self._writer = open_writer(os.path.join(self.log_dir, "images"))
            self._writer.add_images(tag, pixels, epoch, dataformats="NHWC")


def pixels_of(tag: str, value: object) -> np.ndarray:
    """Images or a figure as `[n, height, width, 3]` uint8; NaN and -infinity black, infinity white.

    Raises:
      TypeError: there are no numbers.
      ValueError: the array has another shape.

    Example:
      >>> pixels_of("grey", np.array([[[0.0, 1.0]]])).tolist()
      [[[[0, 0, 0], [255, 255, 255]]]]
    """
    save_fn = getattr(value, "savefig", None)
    if save_fn is not None:
        return _drawn(save_fn)
    array = np.asarray(value)
    if array.dtype.kind not in "buif":
        raise WrongTypeError(
            f"TensorBoardImages: `{tag}`: expected images, a figure, or a function of the model, "
            f"got {describe(value)}."
        )
    given = array.shape
    array = array[..., None] if array.ndim == 3 else array
    if array.ndim != 4 or array.shape[-1] not in (1, 3, 4) or not array.size:
        raise ValueError(
            f"TensorBoardImages: `{tag}`: expected images [n, height, width] or [n, height, width, "
            f"channels] with 1, 3 or 4 channels, got shape {given}. For one image write "
            "image[None]."
        )
    colors = array[..., :3] if array.shape[-1] == 4 else np.repeat(array, 4 - array.shape[-1], -1)
    brightness = np.nan_to_num(unit_brightness(colors[..., :3]), nan=0.0, posinf=1.0, neginf=0.0)
    pixels: np.ndarray = np.round(255 * brightness).astype(np.uint8)
    return pixels


def _drawn(save_fn: Callable[..., Any]) -> np.ndarray:
    """The pixels of a figure."""
    from PIL import Image

    file = io.BytesIO()
    save_fn(file, format="png")
    file.seek(0)
    with Image.open(file) as image:
        return np.asarray(image.convert("RGB"))[None]
