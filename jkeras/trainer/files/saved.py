"""`model.save`: what a model has to do with whole files. `model_files` does it."""

from __future__ import annotations

import os
from typing import Any


class Saved:
    """What a model does with whole files; a base of what holds a description and values."""

    def save(
        self,
        filepath: str | os.PathLike[str],
        overwrite: bool = True,
        zipped: bool | None = None,
        **kwargs: Any,
    ) -> None:
        """Writes the model to one file: layers, weights, what `compile` was told, and the
        optimizer's state. `jkeras.models.load_model` reads it, and so does Keras 3.

        Args:
          filepath: ends with `.keras`.
          overwrite: whether an existing file may be replaced.
          zipped: True or None.
          **kwargs: `include_optimizer=False` leaves out how training stands.

        Raises:
          FileExistsError: it exists, and `overwrite` is False.
          TypeError, ValueError: another ending, or a layer that has no configuration.

        Source: `keras.Model.save`.
        """
        from jkeras.trainer.files import (
            whole_models as model_files,  # it stands on top of this module
        )

        model_files.save_model(self, filepath, overwrite, zipped, **kwargs)

    def export(self, filepath: Any, *args: Any, **kwargs: Any) -> None:
        """There is no export to other runtimes.

        Raises:
          NotImplementedError: always; the message says what to use.
        """
        raise NotImplementedError(
            "export: there is no export to SavedModel, ONNX or LiteRT here. model.save('m.keras') "
            "writes the model for jkeras and Keras 3; jax.export.export(jax.jit(fn)) exports its "
            "pure function."
        )
