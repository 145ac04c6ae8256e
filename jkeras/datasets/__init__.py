"""Named datasets as NumPy arrays: Keras's own, `iris`, and `load` for whatever is prepared.

Nothing is read or imported before a dataset is loaded. A dataset that is not available raises a
`DatasetError` that says what to do.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from jkeras.core.absent import answering as _answering
from jkeras.data.archives import (
    DamagedArchive,
    DatasetError,
    DiskFull,
    NoNetwork,
    NotPrepared,
    UnknownDataset,
)
from jkeras.datasets import iris, mnist
from jkeras.datasets.loading import load

if TYPE_CHECKING:
    from jkeras.datasets import (
        boston_housing,
        california_housing,
        cifar10,
        cifar100,
        fashion_mnist,
        imdb,
        reuters,
    )

__all__ = [
    "DamagedArchive",
    "DatasetError",
    "DiskFull",
    "NoNetwork",
    "NotPrepared",
    "UnknownDataset",
    "boston_housing",
    "california_housing",
    "cifar10",
    "cifar100",
    "fashion_mnist",
    "imdb",
    "iris",
    "load",
    "mnist",
    "reuters",
]

_absent = _answering(__name__)


def __getattr__(name: str) -> Any:
    """A module of a data set, imported when it is asked for."""
    return importlib.import_module(f"{__name__}.{name}") if name in __all__ else _absent(name)
