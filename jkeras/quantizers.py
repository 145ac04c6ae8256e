"""Quantizers by their Keras names: `from jkeras.quantizers import AbsMaxQuantizer`."""

from jkeras.core.absent import answering as _answering
from jkeras.ops.quantizers import *  # noqa: F403
from jkeras.ops.quantizers import __all__ as __all__

__getattr__ = _answering(__name__)
