"""Folders of record files, Parquet and ArrayRecord, as data sets that need not fit in memory.

Both functions return a `grain.MapDataset` of batches, so all that Grain does to data sets can be
done to them, and a checkpoint of `fit` holds their position. An epoch of `fit` is one of Grain's:
its order follows from the seed and the number of the epoch.
"""

from __future__ import annotations

import collections
import functools
import glob
import os
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from jkeras.core.errors import MissingFileError, WrongTypeError, describe, named_arguments
from jkeras.core.named_columns import Choice, Chosen, checked_choice, stacked
from jkeras.core.packages import need_package
from jkeras.utils.datasets import checked_count, seed_or_random

ArrowColumn = Any
ArrowType = Any
"""Of pyarrow, which is imported when it is needed."""
Paths = str | os.PathLike[str] | Sequence[str | os.PathLike[str]]


@named_arguments
def parquet_dataset(
    directory: Paths,
    x: Choice = None,
    y: Choice = None,
    sample_weight: str | None = None,
    *,
    batch_size: int = 32,
    shuffle: bool = True,
    seed: int | None = None,
    drop_remainder: bool = False,
) -> Any:
    """The rows of Parquet files in batches, read through Grain: only the columns that are used, and
    few row groups at a time, whatever the size of the files.

    Args:
      directory: a folder, whose `.parquet` files count at any depth; a file; or a list of files.
      x: the inputs: the name of a column, a list of names of columns of numbers, which stand side
        by side in one array, or a dict of these by the names of the model's inputs. Left out, each
        batch is a dict of all columns, and `fit` gives those to the model that have the names of
        its inputs and outputs; a column `"label"` or `"target"` is the target.
      y: the targets, likewise; only with `x`.
      sample_weight: the column with the weights of the examples; only with `y`.
      batch_size: rows in a batch.
      shuffle: whether each epoch has a new order: of the row groups, and of the rows in each.
      seed: the seed of the orders; a number from NumPy's generator when left out.
      drop_remainder: whether a smaller last batch is left out.

    Returns:
      A `grain.MapDataset` of batches.

    Raises:
      ImportError: Grain or pyarrow is not installed.
      FileNotFoundError: there is no such folder or file.
      ValueError: there is no Parquet file, no row, or no such column; while reading: the lists in a
        column have several lengths.

    Example:
      >>> import pyarrow as pa, pyarrow.parquet, tempfile
      >>> folder = tempfile.TemporaryDirectory()
      >>> table = pa.table({"a": [1.0, 2.0, 3.0], "b": [4.0, 5.0, 6.0], "label": [0, 1, 0]})
      >>> pyarrow.parquet.write_table(table, f"{folder.name}/part.parquet")
      >>> dataset = parquet_dataset(folder.name, ["a", "b"], "label", batch_size=2, shuffle=False)
      >>> [(x.tolist(), y.tolist()) for x, y in dataset]
      [([[1.0, 4.0], [2.0, 5.0]], [0, 1]), ([[3.0, 6.0]], [0])]
      >>> folder.cleanup()
    """
    who = "parquet_dataset"
    need_package("grain", who, "grain")
    need_package("pyarrow", who, "grain")
    import grain

    size = checked_count(who, "batch_size", batch_size, least=1)
    groups = RowGroups(who, _files(who, directory, ".parquet"))
    chosen = _chosen(who, x, y, sample_weight, groups.columns)
    if chosen is not None:
        groups.columns = chosen.names()
    number = seed_or_random(who, seed) if shuffle else None
    batches = RowBatches(groups, chosen, size, number, drops=bool(drop_remainder))
    if not len(batches):
        raise ValueError(f"{who}: expected at least one batch of {size} rows, got {groups.length}.")
    return grain.MapDataset.range(len(batches)).map_with_index(batches.batch)


@named_arguments
def array_record_dataset(
    directory: Paths,
    parse_fn: Callable[[bytes], Any],
    x: Choice = None,
    y: Choice = None,
    sample_weight: str | None = None,
    *,
    batch_size: int = 32,
    shuffle: bool = True,
    seed: int | None = None,
    drop_remainder: bool = False,
) -> Any:
    """The records of ArrayRecord files in batches, read through Grain, record by record, whatever
    the size of the files.

    Args:
      directory: a folder, whose files with `.array_record` in their names count at any depth; a
        file; or a list of files.
      parse_fn: from the bytes of a record to an example: a dict of arrays and numbers by name, or a
        tuple `(x, y)` of them.
      x, y, sample_weight: the names of the dict's entries that are inputs, targets and weights; see
        `parquet_dataset`.
      batch_size, drop_remainder: see `parquet_dataset`.
      shuffle: whether each epoch has a new order of all records.
      seed: the seed of the orders; a number from NumPy's generator when left out.

    Returns:
      A `grain.MapDataset` of batches.

    Raises:
      ImportError: Grain is not installed.
      TypeError: `parse_fn` is no function.
      FileNotFoundError: there is no such folder or file.
      ValueError: there is no ArrayRecord file, no record, or no such entry; while reading: the
        examples of an entry have several shapes.
    """
    who = "array_record_dataset"
    need_package("grain", who, "grain")
    import grain

    if not callable(parse_fn):
        raise WrongTypeError(
            f"{who}: `parse_fn`: expected a function from the bytes of a record to an example, got "
            f"{describe(parse_fn)}."
        )
    size = checked_count(who, "batch_size", batch_size, least=1)
    paths = _files(who, directory, ".array_record")
    source = grain.sources.ArrayRecordDataSource([os.fspath(path) for path in paths])
    if not len(source):
        raise ValueError(f"{who}: expected at least one record, got none in {len(paths)} files.")
    chosen = None
    if x is not None:
        first = parse_fn(source[0])
        if not isinstance(first, Mapping):
            raise ValueError(
                f"{who}: `x`: expected None, because `parse_fn` returns {describe(first)} and no "
                "dict with names."
            )
        chosen = _chosen(who, x, y, sample_weight, [str(name) for name in first])
    elif y is not None or sample_weight is not None:
        chosen = _chosen(who, x, y, sample_weight, [])
    dataset = grain.MapDataset.source(source)
    if shuffle:
        dataset = dataset.shuffle(seed=seed_or_random(who, seed))
    dataset = dataset.map(parse_fn)
    dataset = dataset.batch(size, drop_remainder=bool(drop_remainder), batch_fn=stacked_examples)
    return dataset if chosen is None else dataset.map(chosen.of)


def stacked_examples(examples: Sequence[Any], name: str = "x") -> Any:
    """Examples, dicts, tuples or arrays, as a batch of the same structure; `name` is of the array,
    for messages.

    Raises:
      ValueError: their shapes differ.
    """
    first = examples[0]
    if isinstance(first, Mapping):
        names = list(first)
        return {key: stacked_examples([one[key] for one in examples], str(key)) for key in names}
    if isinstance(first, tuple):
        parts = zip(("x", "y", "sample_weight"), zip(*examples, strict=True), strict=False)
        return tuple(stacked_examples(part, key) for key, part in parts)
    return stacked(name, examples)


class RowGroups:
    """The row groups of Parquet files, read one by one.

    Args:
      who: the function, for messages.
      paths: of the files.

    Attributes:
      columns: the names of the columns that are read.
      rows: the number of rows of each group.
    """

    def __init__(self, who: str, paths: list[Path]) -> None:
        from pyarrow import parquet

        self._who = who
        self.paths = paths
        self._metadata = [parquet.read_metadata(path) for path in paths]
        self._groups = [
            (file, group)
            for file, found in enumerate(self._metadata)
            for group in range(found.num_row_groups)
            if found.row_group(group).num_rows
        ]
        self.rows = [self._metadata[f].row_group(g).num_rows for f, g in self._groups]
        self.columns = list(self._metadata[0].schema.to_arrow_schema().names)
        for path, found in zip(paths, self._metadata, strict=True):
            names = found.schema.to_arrow_schema().names
            if set(names) != set(self.columns):
                raise ValueError(
                    f"{who}: expected files with the same columns, got {', '.join(self.columns)} "
                    f"in {os.fspath(paths[0])!r} and {', '.join(names)} in {os.fspath(path)!r}."
                )

    @property
    def length(self) -> int:
        """The number of rows in all."""
        return sum(self.rows)

    def read(self, number: int) -> dict[str, np.ndarray]:
        """The columns of a group."""
        from pyarrow import parquet

        file, group = self._groups[number]
        with parquet.ParquetFile(self.paths[file], metadata=self._metadata[file]) as opened:
            table = opened.read_row_group(group, columns=self.columns)
        return {name: _as_array(name, table.column(name)) for name in self.columns}


class RowBatches:
    """Batches of the rows of Parquet files by their numbers, counted on from epoch to epoch.

    Args:
      groups: the row groups.
      chosen: what is taken of the columns; None for a dict of all.
      batch_size: rows in a batch.
      seed: of the orders; None for that of the files.
      drops: whether a smaller last batch is left out.
    """

    def __init__(
        self,
        groups: RowGroups,
        chosen: Chosen | None,
        batch_size: int,
        seed: int | None,
        drops: bool,
    ) -> None:
        self._groups = groups
        self._chosen = chosen
        self._size = batch_size
        self._seed = seed
        self._length = groups.length // batch_size if drops else -(-groups.length // batch_size)
        # Several threads read at a time, in batches that lie behind each other.
        self._most = 2 * max(groups.rows, default=0) + 64 * batch_size
        self._begin()

    def _begin(self) -> None:
        self._read: collections.OrderedDict[Any, dict[str, np.ndarray]] = collections.OrderedDict()
        self._lock = threading.Lock()

    def __getstate__(self) -> dict[str, Any]:
        """What other processes need: nothing that was read."""
        return {name: value for name, value in vars(self).items() if name not in ("_read", "_lock")}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        self._begin()

    def __len__(self) -> int:
        return self._length

    def batch(self, index: int, element: object = None) -> Any:
        """The batch of this number; `element` is what Grain counts with."""
        epoch, number = divmod(index, self._length)
        order, ends = self._order(epoch)
        start, parts = number * self._size, []
        stop = min(start + self._size, self._groups.length)
        place = int(np.searchsorted(ends, start, side="right"))
        while start < stop:
            columns, end = self._rows(epoch, order[place]), int(ends[place])
            begin, until = end - self._groups.rows[order[place]], min(stop, end)
            part = {name: column[start - begin : until - begin] for name, column in columns.items()}
            parts.append(part)
            start, place = until, place + 1
        whole = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
        return whole if self._chosen is None else self._chosen.of(whole)

    @functools.lru_cache(maxsize=2)  # noqa: B019  # a data set lives as long as its training
    def _order(self, epoch: int) -> tuple[list[int], np.ndarray]:
        """The groups of an epoch in their order, and the number of rows up to the end of each."""
        order = list(range(len(self._groups.rows)))
        if self._seed is not None:
            order = np.random.default_rng((self._seed, epoch)).permutation(order).tolist()
        return order, np.cumsum([self._groups.rows[group] for group in order])

    def _rows(self, epoch: int, group: int) -> dict[str, np.ndarray]:
        """The columns of a group in the order of the epoch; the last few stay in memory."""
        with self._lock:
            if (epoch, group) in self._read:
                self._read.move_to_end((epoch, group))
                return self._read[epoch, group]
            columns = self._groups.read(group)
            if self._seed is not None:
                random = np.random.default_rng((self._seed, epoch, group + 1))
                rows = random.permutation(self._groups.rows[group])
                columns = {name: column[rows] for name, column in columns.items()}
            self._read[epoch, group] = columns
            while len(self._read) > 1 and self._kept_rows() > self._most:
                self._read.popitem(last=False)
            return columns

    def _kept_rows(self) -> int:
        return sum(self._groups.rows[group] for _, group in self._read)


def _as_array(name: str, column: ArrowColumn) -> np.ndarray:
    """A column of Arrow as an array `[rows, …]`.

    Raises:
      ValueError: its lists have several lengths, or gaps.
    """
    import pyarrow as pa

    kind = column.type
    if pa.types.is_dictionary(kind):
        column, kind = column.cast(kind.value_type), kind.value_type
    if not (pa.types.is_list(kind) or pa.types.is_large_list(kind) or _is_fixed(kind)):
        array: np.ndarray = column.to_numpy()
        return array
    if column.null_count:
        raise ValueError(
            f"column {name!r}: expected a list in each row, got {column.null_count} gaps."
        )
    rows = len(column)
    chunks = [chunk.flatten() for chunk in column.chunks]
    if _is_fixed(kind):
        size = kind.list_size
    else:
        lengths = np.unique(np.concatenate([chunk.value_lengths() for chunk in column.chunks]))
        if len(lengths) > 1:
            raise ValueError(
                f"column {name!r}: expected lists of one length, got {lengths[0]} and "
                f"{lengths[-1]}. Pad them where the files are written: jkeras.utils.pad_sequences."
            )
        size = int(lengths[0])
    inner = _as_array(name, pa.chunked_array(chunks, type=kind.value_type))
    return inner.reshape(rows, size, *inner.shape[1:])


def _is_fixed(kind: ArrowType) -> bool:
    import pyarrow as pa

    return bool(pa.types.is_fixed_size_list(kind))


def _chosen(who: str, x: Choice, y: Choice, weight: Choice, columns: list[str]) -> Chosen | None:
    """The choice of the columns, if there is one.

    Raises:
      TypeError, ValueError: it is none, names no column, or has targets and no inputs.
    """
    if x is None:
        for name, choice in (("y", y), ("sample_weight", weight)):
            if choice is not None:
                raise ValueError(
                    f"{who}: `{name}`: expected None without `x`, got {choice!r}. Name the columns "
                    "that are inputs: x=[…]."
                )
        return None
    if weight is not None and y is None:
        raise ValueError(f"{who}: `sample_weight`: expected None without `y`, got {weight!r}.")
    given = {"x": x, "y": y, "sample_weight": weight}
    parts = [
        None if choice is None else checked_choice(who, name, choice, columns)
        for name, choice in given.items()
    ]
    return Chosen(*parts)


def _files(who: str, directory: Paths, ending: str) -> list[Path]:
    """The files of a folder with `ending` in their names, in the order of their paths; a file or a
    list of files as it is.

    Raises:
      TypeError: it is no path.
      FileNotFoundError: there is no such folder or file.
      ValueError: there is no such file in the folder.
    """
    is_one = isinstance(directory, str | os.PathLike)
    if not is_one and not (isinstance(directory, list | tuple) and directory):
        raise WrongTypeError(
            f"{who}: `directory`: expected a folder, a file or a list of files, got "
            f"{describe(directory)}."
        )
    given: Any = [directory] if is_one else directory
    paths = [Path(path) for path in given]
    for path in paths:
        if not path.exists():
            word, fix = os.fspath(path), ""
            if glob.has_magic(word):
                fix = f" Give the folder, or a list: glob.glob({word!r})."
            raise MissingFileError(f"{who}: `directory`: {word!r} does not exist.{fix}")
    if not (is_one and paths[0].is_dir()):
        return paths
    found = sorted(p for p in paths[0].rglob(f"*{ending}*") if p.is_file() and p.name[0] != ".")
    if not found:
        others = len(list(paths[0].iterdir()))
        raise ValueError(
            f"{who}: `directory`: expected files with {ending!r} in their names, got "
            f"{f'{others} others' if others else 'nothing'} in {os.fspath(paths[0])!r}."
        )
    return found
