"""`timeseries_dataset_from_array`: windows of a time series as examples."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from jkeras.core.errors import WrongTypeError, describe, nearest
from jkeras.utils.datasets import Dataset, checked_count, seed_or_random

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

FORMATS = ("tf", "grain")


def timeseries_dataset_from_array(
    data: ArrayLike,
    targets: ArrayLike | None,
    sequence_length: int,
    sequence_stride: int = 1,
    sampling_rate: int = 1,
    batch_size: int | None = 128,
    shuffle: bool = False,
    seed: int | None = None,
    start_index: int | None = None,
    end_index: int | None = None,
    format: str = "tf",
) -> Dataset:
    """Windows that slide along a series, with the target that belongs to the start of each.

    Window i holds the steps i·stride, i·stride + rate, … of the series. The target of the window
    that begins at step j is `targets[j]`: to predict what follows a window, pass
    `data[sequence_length:]`.

    Args:
      data: the series, `[steps, ...]`.
      targets: `[steps, ...]`, or None for windows alone.
      sequence_length: steps in a window.
      sequence_stride: steps from one window to the next.
      sampling_rate: steps of the series from one step of a window to the next.
      batch_size: windows in a batch; None for single ones.
      shuffle: whether every epoch has a new random order of windows.
      seed: the seed of the orders; a number from NumPy's generator when left out.
      start_index, end_index: only these steps are used, the last one exclusive.
      format: "tf" or "grain"; the data set is this library's in both cases.

    Returns:
      A `Dataset` of windows `[batch, sequence_length, ...]`, or of pairs (windows, targets).

    Raises:
      TypeError: a size is not an integer, or `data` is not an array.
      ValueError: an index is outside the data, or the data are shorter than a window.

    Example:
      >>> series = np.arange(7)
      >>> pairs = timeseries_dataset_from_array(series[:-3], series[3:], sequence_length=3)
      >>> next(iter(pairs))[0].tolist(), next(iter(pairs))[1].tolist()
      ([[0, 1, 2], [1, 2, 3]], [3, 4])

    Source: `keras.utils.timeseries_dataset_from_array`.
    """
    who = "timeseries_dataset_from_array"
    check_format(who, format)
    series = _series("data", data)
    lengths = {"sequence_length": sequence_length}
    if batch_size is not None:
        lengths["batch_size"] = batch_size
    steps = {"sequence_stride": sequence_stride, "sampling_rate": sampling_rate}
    for name, value in {**lengths, **steps}.items():
        checked_count(who, name, value, least=1)
    for name, value in steps.items():
        if value >= len(series):
            raise ValueError(
                f"{who}: `{name}`: expected less than the {len(series)} steps of `data`, got "
                f"{value}."
            )
    used = _used_part(who, len(series), start_index, end_index)
    series = series[used]
    starts = np.arange(0, len(series) - (sequence_length - 1) * sampling_rate, sequence_stride)
    if targets is not None:
        targets = _series("targets", targets)
        starts = starts[starts < len(targets)]
        targets = targets[used.start :]
        starts = starts[starts < len(targets)]
    if not len(starts):
        raise ValueError(
            f"{who}: expected room for a window of {sequence_length} steps at a rate of "
            f"{sampling_rate}, got {len(series)} steps"
            f"{'' if targets is None else f' and {len(targets)} targets'}."
        )
    offsets = np.arange(sequence_length) * sampling_rate

    def gather(indices: np.ndarray) -> Any:
        windows = series[starts[indices][:, None] + offsets]
        return windows if targets is None else (windows, targets[starts[indices]])

    dataset = Dataset(gather, len(starts))
    if shuffle:
        seed = seed_or_random(who, seed)
        np.random.RandomState(seed).shuffle(starts)
        dataset = dataset.shuffle(seed=seed)
    return dataset if batch_size is None else dataset.batch(batch_size)


def check_format(who: str, format: object) -> None:
    """Raises unless `format` is a word that Keras knows."""
    if format not in FORMATS:
        hint = nearest(format, FORMATS) if isinstance(format, str) else ""
        raise ValueError(f"{who}: `format`: expected 'tf' or 'grain', got {format!r}.{hint}")


def _series(name: str, value: ArrayLike) -> np.ndarray:
    array = np.asarray(value)
    if array.ndim == 0 or array.dtype.kind not in "buif":
        raise WrongTypeError(
            f"timeseries_dataset_from_array: `{name}`: expected an array of numbers [steps, ...], "
            f"got {describe(value)}."
        )
    return array


def _used_part(who: str, length: int, start: int | None, end: int | None) -> slice:
    """The range of the used steps among `length` steps; all steps without indices."""
    for name, value in (("start_index", start), ("end_index", end)):
        if value is not None and checked_count(who, name, value) >= length:
            fix = " To use all, leave it out." if name == "end_index" else ""
            raise ValueError(
                f"{who}: `{name}`: expected less than the {length} steps of `data`, got {value}."
                f"{fix}"
            )
    if end is not None and end <= (start or 0):
        raise ValueError(
            f"{who}: `end_index`: expected more than `start_index`, {start or 0}, got {end}."
        )
    return slice(start or 0, length if end is None else end)
