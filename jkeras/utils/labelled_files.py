"""The files of a kind in a folder and the classes they belong to, in Keras's order.

Classes are sorted by name, in each the folders and then the files; shuffled, if at all, by NumPy's
old generator with the seed. The same seed therefore gives the same split into training and
validation as in Keras.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from jkeras.core.errors import WrongTypeError, describe, nearest


class Kind(NamedTuple):
    """A kind of files.

    Attributes:
      who: the function that reads them, for messages.
      noun: what each holds: "image".
      endings: how their names end.
    """

    who: str
    noun: str
    endings: tuple[str, ...]


class Files(NamedTuple):
    """Files and their classes.

    Attributes:
      paths: one for each example.
      labels: the class number of each example, or None.
      class_names: the names of the classes by number, or None.
    """

    paths: list[str]
    labels: np.ndarray | None
    class_names: list[str] | None

    def part(self, indices: np.ndarray) -> Files:
        """The files with these indices, in this order."""
        labels = None if self.labels is None else self.labels[indices]
        return Files([self.paths[i] for i in indices], labels, self.class_names)


def list_files(
    kind: Kind,
    directory: str | os.PathLike[str],
    labels: str | Sequence[int] | np.ndarray | None,
    class_names: Sequence[str] | None,
    follow_links: bool,
    seed: int | None,
) -> Files:
    """The files of a kind in a folder and their classes, shuffled if there is a seed.

    Args:
      kind: of the files.
      directory: the folder.
      labels: "inferred", a list of integers, or None.
      class_names: the subfolders that count, or None for all.
      follow_links: whether to follow links to folders.
      seed: the seed of the order; None for the order by name.
    """
    who = kind.who
    if not isinstance(directory, str | os.PathLike):
        raise WrongTypeError(f"{who}: `directory`: expected a path, got {describe(directory)}.")
    directory = os.fspath(directory)
    if not os.path.isdir(directory):
        raise FileNotFoundError(
            f"{who}: `directory`: expected a folder, got {directory!r}, and there is none."
        )
    is_inferred = isinstance(labels, str)
    folders = _class_folders(kind, directory, class_names) if is_inferred else [""]
    by_folder = [list(_files(kind, directory, folder, follow_links)) for folder in folders]
    paths = [path for part in by_folder for path in part]
    if is_inferred:
        counts = [len(part) for part in by_folder]
        numbers = np.repeat(np.arange(len(folders), dtype=np.int32), counts)
        files = Files(paths, numbers, folders)
    elif labels is None:
        files = Files(paths, None, None)
    else:
        files = _with_labels(kind, paths, labels)
    if not paths:
        raise ValueError(
            f"{who}: `directory`: expected {kind.noun} files ({', '.join(kind.endings)}), got none "
            f"in {directory!r}."
        )
    if seed is None:
        return files
    order = np.arange(len(paths))
    np.random.RandomState(seed).shuffle(order)
    return files.part(order)


def _files(kind: Kind, directory: str, folder: str, follow_links: bool) -> Iterator[str]:
    """The paths of the files in a folder of `directory` and in the folders in it."""
    start = os.path.join(directory, folder)
    for root, _, names in sorted(os.walk(start, followlinks=follow_links), key=lambda x: x[0]):
        for name in sorted(names):
            if name.lower().endswith(kind.endings):
                inside = os.path.relpath(os.path.join(root, name), start)
                yield os.path.join(directory, folder, inside)


def _class_folders(kind: Kind, directory: str, class_names: Sequence[str] | None) -> list[str]:
    """The subfolders that are classes."""
    with os.scandir(directory) as entries:
        folders = sorted(e.name for e in entries if e.is_dir() and not e.name.startswith("."))
    if not folders:
        raise ValueError(
            f"{kind.who}: `directory`: expected a subfolder for each class, got none in "
            f"{directory!r}. For {kind.noun}s without classes pass labels=None."
        )
    for name in class_names or ():
        if name not in folders:
            raise ValueError(
                f"{kind.who}: `class_names`: expected names of subfolders, got {name!r}."
                f"{nearest(str(name), folders)} Subfolders: {', '.join(folders)}."
            )
    return folders if class_names is None else list(class_names)


def _with_labels(kind: Kind, paths: list[str], labels: Sequence[Any] | np.ndarray) -> Files:
    if len(labels) != len(paths):
        raise ValueError(
            f"{kind.who}: `labels`: expected one for each of the {len(paths)} files, got "
            f"{len(labels)}."
        )
    numbers = np.asarray(labels)
    if numbers.dtype.kind not in "iu":
        raise WrongTypeError(f"{kind.who}: `labels`: expected integers, got {describe(labels)}.")
    return Files(paths, numbers.astype(np.int32), [str(label) for label in sorted(set(labels))])


def subsets(kind: Kind, files: Files, fraction: float | None, subset: str | None) -> dict[str, Any]:
    """The files of each subset, by its name: the last files are for validation."""
    if not fraction:
        return {"all": files}
    count = int(fraction * len(files.paths))
    if not 0 < count < len(files.paths):
        raise ValueError(
            f"{kind.who}: `validation_split`: expected files for training and for validation, got "
            f"{len(files.paths) - count} and {count} out of {len(files.paths)} with {fraction}."
        )
    order = np.arange(len(files.paths))
    both = {"training": files.part(order[:-count]), "validation": files.part(order[-count:])}
    return both if subset == "both" else {str(subset): both[str(subset)]}
