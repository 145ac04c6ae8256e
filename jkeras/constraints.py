"""Weight constraints by their Keras names: `from jkeras.constraints import MaxNorm`."""

from jkeras.ops.constraints import *  # noqa: F403
from jkeras.ops.constraints import __all__ as __all__
