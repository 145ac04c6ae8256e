"""Reuters: 11,228 newswires as lists of word ids, of 46 topics."""

from __future__ import annotations

import os

import numpy as np

from jkeras.core.errors import named_arguments
from jkeras.data.keras_files import keras_file
from jkeras.data.pickles import read_any_npz
from jkeras.datasets.copies import Pairs
from jkeras.datasets.sources import SOURCES
from jkeras.datasets.splits import check_test_split, shuffled
from jkeras.datasets.word_ids import Limits, as_objects, limited, word_index

TOPICS = tuple(
    "cocoa grain veg-oil earn acq wheat copper housing money-supply coffee sugar trade reserves "
    "ship cotton carcass crude nat-gas cpi money-fx interest gnp meal-feed alum oilseed gold tin "
    "strategic-metal livestock retail ipi iron-steel rubber heat jobs lei bop zinc orange pet-chem "
    "dlr gas silver wpi hog lead".split()
)


@named_arguments
def load_data(
    path: str | os.PathLike[str] = "reuters.npz",
    num_words: int | None = None,
    skip_top: int = 0,
    maxlen: int | None = None,
    test_split: float = 0.2,
    seed: int = 113,
    start_char: int | None = 1,
    oov_char: int | None = 2,
    index_from: int = 3,
) -> Pairs:
    """The newswires, as `keras.datasets.reuters.load_data` gives them.

    Words are numbered by how often they occur, the most frequent is 1. Nothing in the file is
    executed: of its pickles only arrays and lists are read.

    Args:
      path: the file in Keras's folder, `~/.keras/datasets`, or an absolute path; it is downloaded
        (2 MB) if it is missing.
      num_words, skip_top, maxlen, start_char, oov_char, index_from: as for `imdb.load_data`.
      test_split: the fraction for test.
      seed: of the order of newswires.

    Returns:
      `(x_train, y_train), (x_test, y_test)`: x an array of lists of ids, y positions in
      `get_label_names()`, int64.

    Raises:
      TypeError, ValueError: a limit is no number, or leaves no newswire; `test_split` is no
        fraction.
      NoNetwork: the file is missing, and its host cannot be reached.
      DamagedArchive: the file is damaged.

    Source: Lewis 1997, Reuters-21578; `keras.datasets.reuters.load_data`.
    """
    limits = Limits(num_words, skip_top, maxlen, start_char, oov_char, index_from)
    limits.check("reuters")
    check_test_split("reuters", test_split)
    arrays = read_any_npz(keras_file(SOURCES["reuters"], path), ("x", "y"))
    found, labels = shuffled(arrays["x"], arrays["y"], seed)
    texts, kept = limited(list(found), limits, "reuters")
    labels, cut = labels[kept], int(len(texts) * (1 - test_split))
    return (
        (as_objects(texts[:cut]), np.array(labels[:cut])),
        (as_objects(texts[cut:]), np.array(labels[cut:])),
    )


@named_arguments
def get_word_index(path: str | os.PathLike[str] = "reuters_word_index.json") -> dict[str, int]:
    """The id of each word, before `index_from` is added.

    Args:
      path: the file in Keras's folder, `~/.keras/datasets`, or an absolute path; it is downloaded
        if it is missing.

    Raises:
      NoNetwork: the file is missing, and its host cannot be reached.

    Source: `keras.datasets.reuters.get_word_index`.
    """
    return word_index(SOURCES["reuters/words"], path)


def get_label_names() -> tuple[str, ...]:
    """The names of the topics, in the order of their numbers.

    Example:
      >>> get_label_names()[:3], len(get_label_names())
      (('cocoa', 'grain', 'veg-oil'), 46)

    Source: `keras.datasets.reuters.get_label_names`.
    """
    return TOPICS
