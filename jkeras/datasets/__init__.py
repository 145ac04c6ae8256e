"""Named datasets as NumPy arrays: `mnist`, `iris`, and `load` for whatever is prepared.

Nothing is read or imported before a dataset is loaded. A dataset that is not available raises a
`DatasetError` that says what to do.
"""

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

__all__ = [
    "DamagedArchive",
    "DatasetError",
    "DiskFull",
    "NoNetwork",
    "NotPrepared",
    "UnknownDataset",
    "iris",
    "load",
    "mnist",
]

__getattr__ = _answering(__name__)
