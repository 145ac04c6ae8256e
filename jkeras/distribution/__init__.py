"""One program on many devices: meshes, layouts, and strategies under Keras's names.

    mesh = DeviceMesh((2, 4), ["batch", "model"])
    layouts = LayoutMap(mesh)
    layouts[".*dense.*kernel"] = (None, "model")
    model.compile("adam", "mse", distribution=ModelParallel(layout_map=layouts))

`set_distribution` does so for every model of the process, as in Keras.
"""

from jkeras.core.absent import answering as _answering
from jkeras.distribution.devices import get_device_count, initialize, list_devices
from jkeras.distribution.layouts import DeviceMesh, LayoutMap, TensorLayout, distribute_tensor
from jkeras.distribution.steps import laid_out, step_over, train_step_over
from jkeras.distribution.strategies import (
    DataParallel,
    Distribution,
    FullyShardedDataParallel,
    ModelParallel,
    distribution,
    set_distribution,
)

__all__ = [
    "DataParallel",
    "DeviceMesh",
    "Distribution",
    "FullyShardedDataParallel",
    "LayoutMap",
    "ModelParallel",
    "TensorLayout",
    "distribute_tensor",
    "distribution",
    "get_device_count",
    "initialize",
    "laid_out",
    "list_devices",
    "set_distribution",
    "step_over",
    "train_step_over",
]

__getattr__ = _answering(__name__)
