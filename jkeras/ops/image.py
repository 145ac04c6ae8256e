"""The functions of `keras.ops.image`, created from `vocabulary` on first access."""

from jkeras.ops.lazy_names import lazy_names

__getattr__, __dir__ = lazy_names(__name__, ("image",))
