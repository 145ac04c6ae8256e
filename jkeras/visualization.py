"""Pictures of images with boxes, masks and labels, under their Keras names."""

from jkeras.core.absent import answering as _answering
from jkeras.display.galleries import *  # noqa: F403
from jkeras.display.galleries import __all__ as __all__

__getattr__ = _answering(__name__)
