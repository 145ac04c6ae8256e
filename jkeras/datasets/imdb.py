"""IMDB: 50,000 reviews of films as lists of word ids, good or bad."""

from __future__ import annotations

import os

import numpy as np

from jkeras.core.errors import named_arguments, value_error
from jkeras.data.keras_files import keras_file
from jkeras.data.pickles import read_any_npz
from jkeras.datasets.copies import Pairs
from jkeras.datasets.sources import SOURCES
from jkeras.datasets.word_ids import Limits, as_objects, limited, word_index

NAMES = ("x_train", "y_train", "x_test", "y_test")


@named_arguments
def load_data(
    path: str | os.PathLike[str] = "imdb.npz",
    num_words: int | None = None,
    skip_top: int = 0,
    maxlen: int | None = None,
    seed: int = 113,
    start_char: int | None = 1,
    oov_char: int | None = 2,
    index_from: int = 3,
) -> Pairs:
    """The reviews, as `keras.datasets.imdb.load_data` gives them.

    Words are numbered by how often they occur, the most frequent is 1. Nothing in the file is
    executed: of its pickles only arrays and lists are read.

    Args:
      path: the file in Keras's folder, `~/.keras/datasets`, or an absolute path; it is downloaded
        (17 MB) if it is missing.
      num_words: ids from here on count as unknown; when left out the largest id alone, as in Keras.
      skip_top: ids below count as unknown.
      maxlen: reviews of so many words or more, with the mark of the start, are left out.
      seed: of the order of reviews.
      start_char: the id that marks the start; None for no mark.
      oov_char: the id of unknown words; None to leave them out.
      index_from: is added to the id of every word.

    Returns:
      `(x_train, y_train), (x_test, y_test)`: x an array of lists of ids, y 1 for good reviews and 0
      for bad ones, int64.

    Raises:
      TypeError, ValueError: a limit is no number, or leaves no review.
      NoNetwork: the file is missing, and its host cannot be reached.
      DamagedArchive: the file is damaged.

    Source: Maas et al. 2011, aclanthology.org/P11-1015; `keras.datasets.imdb.load_data`.
    """
    limits = Limits(num_words, skip_top, maxlen, start_char, oov_char, index_from)
    limits.check("imdb")
    arrays = read_any_npz(keras_file(SOURCES["imdb"], path), NAMES)
    random = np.random.RandomState(seed)  # one for both parts: train first, then test
    for part in ("train", "test"):
        order = np.arange(len(arrays[f"x_{part}"]))
        random.shuffle(order)
        for kind in "xy":
            arrays[f"{kind}_{part}"] = arrays[f"{kind}_{part}"][order]
    cut = len(arrays["x_train"])
    texts, kept = limited([*arrays["x_train"], *arrays["x_test"]], limits, "imdb")
    labels = np.concatenate([arrays["y_train"], arrays["y_test"]])[kept]
    cut = int(kept[:cut].sum())
    if not 0 < cut < len(texts):
        raise value_error(
            who="imdb",
            argument="maxlen",
            expected="reviews left in both parts",
            got=f"none in one of them with {maxlen!r}",
        )
    return (as_objects(texts[:cut]), labels[:cut]), (as_objects(texts[cut:]), labels[cut:])


@named_arguments
def get_word_index(path: str | os.PathLike[str] = "imdb_word_index.json") -> dict[str, int]:
    """The id of each word, before `index_from` is added.

    Args:
      path: the file in Keras's folder, `~/.keras/datasets`, or an absolute path; it is downloaded
        (2 MB) if it is missing.

    Raises:
      NoNetwork: the file is missing, and its host cannot be reached.

    Source: `keras.datasets.imdb.get_word_index`.
    """
    return word_index(SOURCES["imdb/words"], path)
