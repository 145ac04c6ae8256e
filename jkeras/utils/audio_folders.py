"""`audio_dataset_from_directory`: a lazy data set of sounds, with a subfolder for each class."""

from __future__ import annotations

import os
import wave
from collections.abc import Sequence
from typing import Any

import numpy as np

from jkeras.core.errors import WrongTypeError, describe
from jkeras.utils.datasets import checked_count
from jkeras.utils.labelled_files import Kind
from jkeras.utils.labelled_folders import Options, datasets_in

KIND = Kind("audio_dataset_from_directory", "sound", (".wav",))

_CROSSINGS = 16
"""Zeros of the filter of `resampled` on each side."""
_AT_ONCE = 1 << 14
"""Samples that `resampled` computes at a time."""


def audio_dataset_from_directory(
    directory: str | os.PathLike[str],
    labels: str | Sequence[int] | np.ndarray | None = "inferred",
    label_mode: str | None = "int",
    class_names: Sequence[str] | None = None,
    batch_size: int | None = 32,
    sampling_rate: int | None = None,
    output_sequence_length: int | None = None,
    ragged: bool = False,
    shuffle: bool = True,
    seed: int | None = None,
    validation_split: float | None = None,
    subset: str | None = None,
    follow_links: bool = False,
    verbose: bool = True,
) -> Any:
    """The sounds in a folder, with subfolders as classes; they are read while training.

    Args:
      directory: the folder. `.wav` files of whole numbers (PCM) count, at any depth.
      labels, label_mode, class_names, batch_size: as for `text_dataset_from_directory`.
      sampling_rate: samples per second to which sounds are brought; those of each file when left
        out.
      output_sequence_length: the number of samples that are read of each file, filled up with
        zeros; the longest of a batch when left out.
      ragged: must be False.
      shuffle, seed, validation_split, subset, follow_links, verbose: as for
        `text_dataset_from_directory`.

    Returns:
      A `Dataset` of sounds `[batch, samples, channels]`, float32 from -1 to 1, or of pairs (sounds,
      labels), with `class_names` and `file_paths`. With subset="both" a list of two, of which the
      second keeps its order.

    Raises:
      FileNotFoundError: the folder does not exist.
      ValueError: arguments that exclude each other, an unknown word, or no files.

    Source: `keras.utils.audio_dataset_from_directory`.
    """
    if ragged:
        raise ValueError(
            f"{KIND.who}: `ragged`: expected False, got True: batches here are dense arrays. Give "
            "`output_sequence_length`, or leave both out to fill up to the longest of a batch."
        )
    for name, value in (
        ("sampling_rate", sampling_rate),
        ("output_sequence_length", output_sequence_length),
    ):
        if value is not None:
            checked_count(KIND.who, name, value, least=1)

    def read(paths: list[str]) -> np.ndarray:
        sounds = [_sound(path, sampling_rate, output_sequence_length) for path in paths]
        return _filled(paths, sounds)

    options = Options(
        labels,
        label_mode,
        class_names,
        batch_size,
        shuffle,
        seed,
        validation_split,
        subset,
        follow_links,
        verbose,
    )
    return datasets_in(KIND, directory, options, read)


def _filled(paths: list[str], sounds: list[np.ndarray]) -> np.ndarray:
    """Sounds in one array, filled up with zeros."""
    channels = {sound.shape[1] for sound in sounds}
    if len(channels) > 1:
        odd = next(i for i, s in enumerate(sounds) if s.shape[1] != sounds[0].shape[1])
        raise ValueError(
            f"{KIND.who}: expected sounds with as many channels each, got {sounds[0].shape[1]} in "
            f"{paths[0]!r} and {sounds[odd].shape[1]} in {paths[odd]!r}."
        )
    longest = max(len(sound) for sound in sounds)
    batch = np.zeros((len(sounds), longest, channels.pop()), np.float32)
    for row, sound in zip(batch, sounds, strict=True):
        row[: len(sound)] = sound
    return batch


def _sound(path: str, rate: int | None, length: int | None) -> np.ndarray:
    """The samples `[samples, channels]` in a file, float32."""
    try:
        with wave.open(path, "rb") as file:
            own, channels, width = file.getframerate(), file.getnchannels(), file.getsampwidth()
            data = file.readframes(file.getnframes() if length is None else length)
    except (wave.Error, EOFError) as error:
        raise ValueError(
            f"{KIND.who}: expected a .wav file of whole numbers (PCM), and {path!r} is none: "
            f"{error}."
        ) from None
    samples = _numbers(data, width).reshape(-1, channels)
    if length is not None and len(samples) < length:
        samples = np.pad(samples, ((0, length - len(samples)), (0, 0)))
    return samples if rate in (None, own) else resampled(samples, own, int(rate or own))


def _numbers(data: bytes, width: int) -> np.ndarray:
    """Samples of so many bytes as float32 from -1 to 1."""
    if width == 1:
        return (np.frombuffer(data, np.uint8).astype(np.float32) - 128.0) / 128.0
    if width == 3:
        parts = np.frombuffer(data, np.uint8).reshape(-1, 3)
        filled = np.concatenate([np.zeros((len(parts), 1), np.uint8), parts], 1)
        return filled.view("<i4")[:, 0].astype(np.float32) / 2.0**31
    return np.frombuffer(data, f"<i{width}").astype(np.float32) / 2.0 ** (8 * width - 1)


def resampled(samples: np.ndarray, rate: int, new_rate: int) -> np.ndarray:
    """A sound with another number of samples per second, without frequencies that these lack.

    Each new sample is the sum of old ones around its time, weighted by a sinc in a Hann window.

    Args:
      samples: `[samples, channels]` floating.
      rate, new_rate: samples per second before and after.

    Raises:
      TypeError: a rate is no integer.

    Example:
      >>> resampled(np.ones((100, 1), np.float32), 2, 1).shape
      (50, 1)
    """
    if not all(isinstance(each, int | np.integer) for each in (rate, new_rate)):
        raise WrongTypeError(f"resampled: expected integers, got {describe(new_rate)}.")
    count = -(-len(samples) * new_rate // rate)
    cutoff = min(1.0, new_rate / rate)
    reach = int(np.ceil(_CROSSINGS / cutoff))
    padded = np.pad(samples, ((reach, reach + 1), (0, 0)))
    found = np.empty((count, samples.shape[1]), np.float32)
    around = np.arange(-reach + 1, reach + 1)
    for start in range(0, count, _AT_ONCE):
        times = np.arange(start, min(start + _AT_ONCE, count)) * (rate / new_rate)
        first = np.floor(times).astype(np.int64)
        away = (times - first)[:, None] - around
        window = 0.5 + 0.5 * np.cos(np.pi * np.clip(away / reach, -1, 1))
        weights = cutoff * np.sinc(cutoff * away) * window
        near = padded[first[:, None] + around + reach]
        found[start : start + len(times)] = np.einsum("ts,tsc->tc", weights, near)
    return found
