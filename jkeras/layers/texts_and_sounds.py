"""The layers for texts, categories and sounds; `jkeras.layers` imports them at their first use."""

from __future__ import annotations

from jkeras.layers.hashing import HashedCrossing, Hashing
from jkeras.layers.integer_lookup import IntegerLookup
from jkeras.layers.spectrograms import MelSpectrogram, STFTSpectrogram
from jkeras.layers.string_lookup import StringLookup
from jkeras.layers.text_vectorization import TextVectorization

__all__ = [
    "HashedCrossing",
    "Hashing",
    "IntegerLookup",
    "MelSpectrogram",
    "STFTSpectrogram",
    "StringLookup",
    "TextVectorization",
]
