"""The names of `keras.preprocessing.sequence`."""

from jkeras.core.absent import answering as _answering
from jkeras.utils import pad_sequences

__all__ = ["pad_sequences"]

__getattr__ = _answering(__name__)
