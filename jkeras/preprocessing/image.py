"""The names of `keras.preprocessing.image`."""

from jkeras.core.absent import answering as _answering
from jkeras.utils import array_to_img, img_to_array, load_img, save_img

__all__ = ["array_to_img", "img_to_array", "load_img", "save_img"]

__getattr__ = _answering(__name__)
