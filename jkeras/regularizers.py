"""Weight penalties by their Keras names: `from jkeras.regularizers import L2`."""

from jkeras.ops.regularizers import *  # noqa: F403
from jkeras.ops.regularizers import __all__ as __all__
