"""Names inside Keras's saving that its tests set themselves up with, by jkeras's own functions."""

from __future__ import annotations

from typing import Any

import jkeras
from jkeras.core import code
from jkeras.core.shared_objects import sharing

_MEMORY_UPPER_BOUND = 0.5
"""Which part of the memory a configuration may take in Keras; here files are read part by part."""
_CONFIG_FILENAME, _METADATA_FILENAME = "config.json", "metadata.json"

save_weights_only = jkeras.saving.save_weights
load_weights_only = jkeras.saving.load_weights
ObjectSharingScope = sharing


def SafeModeScope(safe_mode: bool = True) -> Any:
    """Inside, lambdas of configurations are read unless it is safe."""
    return code.allowed(not safe_mode)


class _Names:
    def __getitem__(self, registered: Any) -> str:
        return jkeras.saving.get_registered_name(registered)


GLOBAL_CUSTOM_NAMES = _Names()
