"""The order in which `fit` reads data by their numbers: a new one for each pass.

Law: the order of a pass is a function of the model's key, of the epochs trained before the run, and
of the number of the pass in the run; so a run that goes on reads what it would have read.
"""

from __future__ import annotations

import functools

import jax
import numpy as np

from jkeras.core.host_random import key_of_seed
from jkeras.core.keys import child
from jkeras.data.grain_sources import GrainBatches
from jkeras.data.libraries import RowStream
from jkeras.data.sources import ExampleBatches
from jkeras.data.streams import Stream
from jkeras.trainer.loop.parts import TrainerParts
from jkeras.trainer.preflight.data_arguments import Data
from jkeras.utils.py_dataset import PyDataset


def shuffle_batches(parts: TrainerParts, data: Data, source: object, shuffle: bool) -> None:
    """Makes a stream read its source in a random order: the batches of a `PyDataset` with a length,
    and single examples; a data set of another library that shuffles begins its next epoch.

    Args:
      parts: of the trainer.
      data: what `data_arguments.load` made of the source.
      source: the data as the user gave them.
      shuffle: whether the order is random.
    """
    if not (shuffle and isinstance(data, Stream)):
        return
    batches = data.source
    if isinstance(batches, ExampleBatches):
        data.order_fn = lambda number, count: _order(parts, number, batches.length)
    elif isinstance(batches, GrainBatches | RowStream):
        values = parts.state.values
        data.begun = batches.epochs_begun = 0 if values is None else int(values.epoch)
        if isinstance(batches, GrainBatches):
            batches.reshuffles = True
    elif isinstance(source, PyDataset) and source.num_batches is not None:
        if type(source).__iter__ is PyDataset.__iter__:
            data.order_fn = functools.partial(_order, parts)


def _order(parts: TrainerParts, number: int, count: int) -> list[int]:
    """The numbers from 0 to `count` in the order of the run's pass `number`."""
    values, run = parts.state.values, parts.run
    key = key_of_seed(parts.state.seed) if values is None else values.key
    epoch = 0 if values is None else int(values.epoch)
    epoch -= 0 if run is None else run.epoch - run.first
    numbers = jax.random.key_data(child(child(key, "batches"), epoch + number))
    order: list[int] = np.random.default_rng(np.asarray(numbers)).permutation(count).tolist()
    return order
