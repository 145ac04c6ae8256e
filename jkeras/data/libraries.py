"""Data sets of other libraries as sources of batches: Grain, Hugging Face, tensorflow-datasets.

They are known by modules that the user has imported, so none of these libraries is imported here.

- A data set of Grain yields batches (`grain_sources`).
- A `datasets.Dataset` and a data source of tensorflow-datasets hold single examples, which are read
  by their numbers, in batches: like arrays that need not fit in memory.
- A `datasets.IterableDataset` yields single examples, which are read in their order.
"""

from __future__ import annotations

import dataclasses
import importlib
import itertools
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any

import numpy as np

from jkeras.core.errors import describe
from jkeras.core.named_columns import Chosen, ModelNames, names_in, stacked
from jkeras.data.grain_sources import is_grain, source_of_grain
from jkeras.data.sources import (
    WHOLE,
    ExampleBatches,
    Foreign,
    Share,
    Source,
    by_columns,
    classes_of,
)

ValueFn = Callable[[Any, int], Any]
"""From a value of an iterable and its number to a batch."""


def source_of(
    x: Foreign, batch_size: int | None, names: ModelNames | None, share: Share = WHOLE
) -> Source | None:
    """A data set of another library as a source of batches; None for anything else.

    Args:
      x: what the user passed.
      batch_size: the examples in a batch, where `x` holds single examples; None for 32.
      names: of the model's inputs and outputs; None to leave dicts as they are.
      share: the part of the data that this process reads; a data set that Grain has cut by process
        stays as it is.

    Raises:
      ValueError: `x` is a dict of such data sets, is empty, or its columns do not go with the
        model.
    """
    if isinstance(x, Mapping):
        _check_is_no_dict_of_splits(x)
        return None
    if is_grain(x):
        return source_of_grain(x, names, share)
    if isinstance(x, classes_of("datasets", "Dataset")):
        return _of_rows(x, batch_size or 32, names, share)
    if isinstance(x, classes_of("datasets", "IterableDataset")):
        batches = RowStream(x, batch_size or 32, share)
        value_fn = None if names is None else _of_single_rows(names, by_columns(names))
        return Source(batches, value_fn, {"batch_size": batches.batch_size})
    if hasattr(x, "dataset_info") and hasattr(x, "__getitems__"):
        return _of_records(x, batch_size or 32, names, share)
    return None


class RowStream:
    """Batches of the rows of a `datasets.IterableDataset`; each pass is an epoch of its own.

    Args:
      dataset: the data set.
      batch_size: rows in a batch.
      share: the part that is read.

    Attributes:
      epochs_begun: the number of passes so far, by which the data set shuffles.
    """

    def __init__(self, dataset: Foreign, batch_size: int, share: Share = WHOLE) -> None:
        number, count = share
        if share != WHOLE:
            distributed = importlib.import_module("datasets.distributed")
            dataset = distributed.split_dataset_by_node(dataset, rank=number, world_size=count)
        self._dataset = dataset.with_format("numpy")
        self.batch_size = max(batch_size // count, 1)
        self.epochs_begun = 0

    def __iter__(self) -> Iterator[Any]:
        self._dataset.set_epoch(self.epochs_begun)
        self.epochs_begun += 1
        return iter(self._dataset.iter(batch_size=self.batch_size))


def _of_rows(x: Foreign, batch_size: int, names: ModelNames | None, share: Share) -> Source:
    """The rows of a `datasets.Dataset`."""
    _check_has_examples(len(x))
    if x.format["type"] == "custom":  # a function of the user makes the columns
        table, columns = x, list(x[:1])
    else:
        columns = list(x.format["columns"])
        table = x.with_format("numpy", columns=columns)
    chosen = _chosen(names, columns)
    if x.format["type"] != "custom" and set(chosen.names()) < set(columns):
        table = table.with_format("numpy", columns=chosen.names())

    batches = ExampleBatches(table.__getitem__, len(x), batch_size, share)
    value_fn: ValueFn = lambda columns, number: chosen.of(columns)  # noqa: E731
    return _of_examples(batches, value_fn if names is None else _of_single_rows(names, value_fn))


def _of_single_rows(names: ModelNames, value_fn: ValueFn | None) -> ValueFn:
    """The function, which refuses rows that are batches already, as `Dataset.batch` makes them."""
    assert value_fn is not None, "there are names"

    def checked(columns: Foreign, number: int) -> Any:
        if not number and (size := _size_in_rows(names, columns)) is not None:
            raise ValueError(
                f"expected one example in each row, got rows that are batches of {size} already. "
                f"Leave .batch({size}) out, and write batch_size={size}."
            )
        return value_fn(columns, number)

    return checked


def _size_in_rows(names: ModelNames, columns: Foreign) -> int | None:
    """The examples in the first row, where it holds several: all its columns have one length, and
    the inputs an axis more than those of the model.
    """
    chosen = names.choose(columns)
    inputs = names_in(chosen.x)
    if isinstance(chosen.x, list) or len(inputs) != len(names.shapes):
        return None
    row = {name: np.shape(columns[name][0]) for name in chosen.names()}
    sizes = {shape[:1] for shape in row.values()}
    for name, wanted in zip(inputs, names.shapes, strict=True):
        if len(row[name]) != len(wanted) + 1:
            return None
        for n, size in zip(wanted, row[name][1:], strict=True):
            if n != size and (n is not None or size == 1):  # an axis of size one may be dropped
                return None
    return next(iter(sizes))[0] if len(sizes) == 1 else None


def _of_records(x: Foreign, batch_size: int, names: ModelNames | None, share: Share) -> Source:
    """The examples of a data source of tensorflow-datasets."""
    _check_has_examples(len(x))
    first = x[0]
    if not isinstance(first, Mapping):
        raise ValueError(f"`x`: expected examples with features by name, got {describe(first)}.")
    if names is not None:
        names = _with_supervised(names, getattr(x.dataset_info, "supervised_keys", None), first)
    chosen = _chosen(names, list(first))

    def joined(records: list[Any], number: int) -> tuple[Any, ...]:
        names = chosen.names()
        return chosen.of({name: stacked(name, [each[name] for each in records]) for name in names})

    return _of_examples(ExampleBatches(x.__getitems__, len(x), batch_size, share), joined)


def _with_supervised(names: ModelNames, keys: Foreign, columns: Collection[str]) -> ModelNames:
    """The names with those of the input and the target that a data set says it has."""
    if not keys or any(key not in columns for key in keys[:2]):
        return names
    if names.takes_dict or (names.inputs and set(names.inputs) <= set(columns)):
        return dataclasses.replace(names, targets=keys[1:2])
    return ModelNames(keys[:1], keys[1:2], wants_targets=names.wants_targets)


def _of_examples(batches: ExampleBatches, value_fn: Callable[[Any, int], Any]) -> Source:
    facts = {"examples": batches.length, "batch_size": batches.batch_size}
    return Source(batches, value_fn, facts)


def _chosen(names: ModelNames | None, columns: list[str]) -> Chosen:
    """The columns that a model takes; all of them, by name, where nothing is known of it."""
    return Chosen({name: name for name in columns}) if names is None else names.choose(columns)


def _check_has_examples(length: int) -> None:
    if not length:
        raise ValueError("`x`: expected at least one example, got a data set without any.")


def _check_is_no_dict_of_splits(x: Mapping[Any, Any]) -> None:
    """Raises ValueError for the splits of a data set in the place of one."""
    kinds = classes_of("datasets", "Dataset", "IterableDataset")
    for name, part in itertools.islice(x.items(), 1):
        if isinstance(part, kinds) or is_grain(part) or hasattr(part, "dataset_info"):
            raise ValueError(
                f"`x`: expected one data set, got a dict of the splits {', '.join(map(str, x))}. "
                f"Pass one of them: data[{name!r}]."
            )
