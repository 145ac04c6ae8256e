"""The layout of images that a layer or a function takes which is told none.

A law: a layer holds its layout as a field from its making on, and a call on symbols holds it in its
arguments, so what exists never changes when the setting does.
"""

from __future__ import annotations

from jkeras.core.errors import nearest

LAYOUTS = ("channels_last", "channels_first")

_layout = LAYOUTS[0]


def image_data_format() -> str:
    """The default of the argument `data_format`: "channels_last", unless another was set.

    Source: `keras.config.image_data_format`.
    """
    return _layout


def set_image_data_format(data_format: str) -> None:
    """Sets the default of `data_format` for later layers and calls; layers that exist keep theirs.

    Args:
      data_format: "channels_last" or "channels_first".

    Raises:
      ValueError: another word.

    Source: `keras.config.set_image_data_format`.
    """
    global _layout
    word = data_format.lower() if isinstance(data_format, str) else data_format
    if word not in LAYOUTS:
        hint = nearest(word, LAYOUTS) if isinstance(word, str) else ""
        raise ValueError(
            f"set_image_data_format: expected `data_format` 'channels_last' or 'channels_first', "
            f"got {data_format!r}.{hint}"
        )
    _layout = word
