"""Weight initializers by their Keras names: `from jkeras.initializers import GlorotUniform`."""

from jkeras.ops.initializers import *  # noqa: F403
from jkeras.ops.initializers import __all__ as __all__
