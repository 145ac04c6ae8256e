"""The functions of `keras.utils` for folders of texts and sounds, which are imported when one is
asked for.
"""

from __future__ import annotations

from jkeras.utils.audio_folders import audio_dataset_from_directory
from jkeras.utils.text_folders import text_dataset_from_directory

__all__ = ["audio_dataset_from_directory", "text_dataset_from_directory"]
