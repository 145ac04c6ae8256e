"""Keras's object-oriented side: classes with `call` and `build`, layers called on arrays, variables
and views of weights. The core knows it as `jkeras.core.object_api`.
"""

from jkeras.core.object_api import register as _register
from jkeras.keras_classes.keras_objects import KerasObjects as _KerasObjects

_register(_KerasObjects())
