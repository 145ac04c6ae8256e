"""Lazy data sets of the files in a folder, with a subfolder for each class: what images, texts and
sounds share.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from jkeras.core.errors import describe
from jkeras.utils.datasets import Dataset, checked_count, seed_or_random
from jkeras.utils.images import check_word
from jkeras.utils.labelled_files import Files, Kind, list_files, subsets


class Options(NamedTuple):
    """The arguments that the functions for all kinds of files have."""

    labels: str | Sequence[int] | np.ndarray | None
    label_mode: str | None
    class_names: Sequence[str] | None
    batch_size: int | None
    shuffle: bool
    seed: int | None
    validation_split: float | None
    subset: str | None
    follow_links: bool
    verbose: bool


def datasets_in(
    kind: Kind,
    directory: str | os.PathLike[str],
    options: Options,
    read_fn: Callable[[list[str]], np.ndarray],
) -> Any:
    """The files of a folder as a `Dataset`, or, with subset="both", as a list of two.

    Args:
      kind: of the files.
      directory: the folder.
      options: the arguments of the public function.
      read_fn: from the paths of a batch to an array `[batch, ...]`.

    Raises:
      FileNotFoundError: the folder does not exist.
      ValueError: arguments that exclude each other, an unknown word, or no files.
    """
    _check_labels(kind.who, options)
    _check_split(kind.who, options)
    labels, label_mode, subset = options.labels, options.label_mode, options.subset
    if options.batch_size is not None:
        checked_count(kind.who, "batch_size", options.batch_size, least=1)
    if labels is None or label_mode is None:
        labels = label_mode = None
    seed = seed_or_random(kind.who, options.seed)
    files = list_files(
        kind,
        directory,
        labels,
        options.class_names,
        options.follow_links,
        seed if options.shuffle else None,
    )
    _check_classes(kind.who, files, label_mode)
    if options.verbose:
        names = files.class_names
        classes = "" if names is None else f" belonging to {len(names)} classes"
        print(f"Found {len(files.paths)} files{classes}.")
    datasets = []
    for name, part in subsets(kind, files, options.validation_split, subset).items():
        if options.verbose and subset is not None:
            print(f"Using {len(part.paths)} files for {name}.")
        shuffled = options.shuffle and not (subset == "both" and name == "validation")
        dataset = _dataset(part, label_mode, read_fn)
        dataset = dataset.shuffle(seed=seed) if shuffled else dataset
        batch_size = options.batch_size
        datasets.append(dataset if batch_size is None else dataset.batch(batch_size))
    return datasets if subset == "both" else datasets[0]


def _dataset(
    files: Files, label_mode: str | None, read_fn: Callable[[list[str]], np.ndarray]
) -> Dataset:
    targets = _targets(files, label_mode)

    def gather(indices: np.ndarray) -> Any:
        examples = read_fn([files.paths[i] for i in indices])
        return examples if targets is None else (examples, targets[indices])

    dataset = Dataset(gather, len(files.paths))
    dataset.class_names, dataset.file_paths = files.class_names, files.paths
    return dataset


def _targets(files: Files, label_mode: str | None) -> np.ndarray | None:
    """The labels of all files in the form of `label_mode`."""
    if files.labels is None:
        return None
    if label_mode == "binary":
        return files.labels.astype(np.float32)[:, None]
    if label_mode == "categorical":
        return np.eye(len(files.class_names or ()), dtype=np.float32)[files.labels]
    return files.labels


def _check_labels(who: str, options: Options) -> None:
    labels, class_names = options.labels, options.class_names
    if not (labels is None or isinstance(labels, list | tuple | np.ndarray)):
        if not (isinstance(labels, str) and labels == "inferred"):
            raise ValueError(
                f"{who}: `labels`: expected 'inferred', a list of integers, or None, got "
                f"{describe(labels)}."
            )
    if class_names is not None and not isinstance(labels, str):
        raise ValueError(
            f"{who}: `class_names`: expected None unless labels='inferred', got {class_names!r}."
        )
    if options.label_mode is not None:
        check_word(who, "label_mode", options.label_mode, ("int", "categorical", "binary"))


def _check_classes(who: str, files: Files, label_mode: str | None) -> None:
    names, numbers = files.class_names or [], files.labels
    if label_mode == "binary" and len(names) != 2:
        raise ValueError(
            f"{who}: label_mode='binary': expected two classes, got {len(names)}: "
            f"{', '.join(names)}. For more write label_mode='int'."
        )
    if numbers is None or label_mode not in ("binary", "categorical"):
        return
    if numbers.min() < 0 or numbers.max() >= len(names):
        raise ValueError(
            f"{who}: `labels`: expected numbers from 0 to {len(names) - 1} for label_mode="
            f"{label_mode!r}, got {numbers.min()} to {numbers.max()}."
        )


def _check_split(who: str, options: Options) -> None:
    fraction, subset = options.validation_split, options.subset
    if fraction and not 0 < fraction < 1:
        raise ValueError(
            f"{who}: `validation_split`: expected a fraction between 0 and 1, got {fraction}."
        )
    if subset is not None:
        check_word(who, "subset", subset, ("training", "validation", "both"))
    if bool(fraction) != bool(subset):
        raise ValueError(
            f"{who}: expected both `validation_split` and `subset`, or none of them, got "
            f"validation_split={fraction} and subset={subset!r}."
        )
    if fraction and options.shuffle and options.seed is None:
        raise ValueError(
            f"{who}: expected a `seed` with `validation_split` and `shuffle`, got none: without it "
            "the two parts would overlap. Pass seed=0."
        )
