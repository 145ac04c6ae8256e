"""A trainer in files and in configurations, in Keras's words."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, BinaryIO, Self

from jkeras.core.errors import named_arguments
from jkeras.core.processes import print_text
from jkeras.core.serialization import serialize_keras_object
from jkeras.core.tracebacks import api_boundary
from jkeras.export.formats import export
from jkeras.models.cloning import CloneOptions, clone_layers
from jkeras.saving.matching import Report
from jkeras.trainer.files import configurations, weight_files, whole_models
from jkeras.trainer.files.exporting import inference_of
from jkeras.trainer.loop import resume
from jkeras.trainer.loop.parts import TrainerParts
from jkeras.trainer.state.whole_values import whole_values


class FilesMixin:
    """What a trainer does with files and configurations."""

    _trainer_parts: TrainerParts

    @named_arguments
    def save_weights(
        self,
        filepath: str | os.PathLike[str],
        overwrite: bool = True,
        max_shard_size: float | None = None,
        *,
        objects_to_skip: Iterable[Any] | None = None,
    ) -> None:
        """Writes all weights to a file, whole or not at all.

        Args:
          filepath: ends with `.safetensors`, `.msgpack` or, for Keras to read, `.weights.h5`; or
            `.weights.json`, the map of several such files beside it.
          overwrite: whether an existing file may be replaced.
          max_shard_size: gigabytes of weights in each file beside a `.weights.json`; 5 by default.
          objects_to_skip: layers and models whose weights are left out of Keras's files.

        Raises:
          FileExistsError: the file exists and `overwrite` is False.
          ValueError: another ending, or a model without weights yet.

        Source: `keras.Model.save_weights`.
        """
        parts = self._trainer_parts
        with whole_values(parts.state):
            if parts.team.is_first:
                options = overwrite, max_shard_size, objects_to_skip
                weight_files.save(parts.state, parts.optimizer, filepath, *options)

    @named_arguments
    def load_weights(
        self,
        filepath: str | os.PathLike[str] | Mapping[str, Any],
        skip_mismatch: bool = False,
        *,
        rename: Mapping[str, str] | None = None,
        safe_mode: bool = True,
        objects_to_skip: Iterable[Any] | None = None,
    ) -> Report:
        """Reads weights by their names, in the dtypes of the model.

        Args:
          filepath: a file that `save_weights` wrote, here or in Keras; a `.safetensors` or
            `.msgpack` file of another library; a folder that Orbax wrote; or nested dicts of
            arrays, such as the variables of a Flax module.
          skip_mismatch: loads what fits and warns of the rest. Otherwise anything that differs is
            an error.
          rename: beginnings of the file's names and what to read in their place, as in
            `rename={"backbone": "encoder"}`; `{"": "encoder"}` puts a word before all names. Not
            for Keras's files, whose weights have no names.
          safe_mode: False reads HDF5 files through h5py: compressed ones too, and `.h5` files of
            Keras 2. A malicious file can crash it; read only files whose writer you trust.
          objects_to_skip: layers and models whose weights stay as they are, whether the file has
            them or not; for `.weights.h5` and `.weights.json`.

        Returns:
          What became of each weight: matched, missing, unexpected, mismatched.

        Raises:
          FileNotFoundError: there is no such file.
          ValueError: the file is damaged, or its weights are not this model's; the message names
            the first one that differs. Nothing is loaded then.

        Source: `keras.Model.load_weights`.
        """
        parts = self._trainer_parts
        return weight_files.load(
            *(parts.state, parts.optimizer, filepath, skip_mismatch, rename, safe_mode),
            objects_to_skip=objects_to_skip,
        )

    @api_boundary
    def save(
        self,
        filepath: str | os.PathLike[str] | BinaryIO,
        overwrite: bool = True,
        zipped: bool | None = None,
        **kwargs: Any,
    ) -> None:
        """Writes the model to one file: layers, weights, the arguments of `compile`, and
        the optimizer's state. `jkeras.models.load_model` reads it, and so does Keras 3.

        Args:
          filepath: ends with `.keras`; or a file that is open for writing bytes. A name that ends
            with `.h5` or `.hdf5` gets Keras's older form, with a warning.
          overwrite: whether an existing file may be replaced.
          zipped: False writes a folder of the three files that a `.keras` file holds.
          **kwargs: `include_optimizer=False` leaves out how training stands.

        Raises:
          FileExistsError: the file exists and `overwrite` is False.
          TypeError, ValueError: another ending, or a layer that has no configuration.

        Source: `keras.Model.save`.
        """
        parts = self._trainer_parts
        with whole_values(parts.state):
            if parts.team.is_first:
                options = overwrite, zipped
                whole_models.save(self, parts.state, parts.optimizer, filepath, *options, **kwargs)

    @api_boundary
    def export(
        self,
        filepath: str | os.PathLike[str],
        format: str | None = None,
        verbose: bool | None = None,
        input_signature: Sequence[Any] | None = None,
        **options: Any,
    ) -> None:
        """Writes the model, outside of training, for another place: it takes and gives arrays as
        `predict` does, without jkeras.

        Args:
          filepath: of the file; for "web" of the folder.
          format: "stablehlo" (JAX, on any platform), "onnx", "litert" (phones; "tflite" is its
            older name) or "web" (a page for any static server); by the ending of `filepath` when
            left out: `.onnx`, `.tflite`, else "stablehlo".
          verbose: whether one line says what was written; True when left out.
          input_signature: for each input its shape, with None or a name for an axis of any size, or
            an `InputSpec`, `Input` or array; the model's own inputs when left out.
          **options: those of the format (docs/deploy.md): `verify=False` leaves out the comparison
            of the written file with the model.

        Raises:
          ValueError: an unknown format; a model that draws random numbers outside of training; a
            part of it that the format cannot hold; the written file's outputs differ.
          ImportError: the format's packages are missing; the message names them.

        Source: `keras.Model.export`.
        """
        parts, state = self._trainer_parts, self._trainer_parts.state
        with whole_values(state):
            if not parts.team.is_first:
                return
            inference = inference_of(state, input_signature)
            written = export(inference, filepath, format, **options)
        if verbose or verbose is None:
            print_text(f"{state.who}: exported to {os.fspath(filepath)!r} as {written}.")

    def snapshot(self, *, with_model: bool = False, whole: bool = True) -> dict[str, Any]:
        """Everything that this trainer is, and in `fit` the run it is in, in plain containers,
        numbers and NumPy arrays: for `fit(resume_from=)`.

        In `fit` callbacks ask for it where everything stands still, in `on_pause` and
        `on_boundary`. In `on_epoch_end` the callbacks behind the one that asks have not heard of
        the epoch yet; the history has it.

        Args:
          with_model: whether the model's configuration is added, if it has one.
          whole: whether values that are cut over processes are gathered, which all of these have
            to ask for; else they stay arrays of JAX.

        Raises:
          ValueError: the model is not built.
        """
        taken = resume.snapshot(self._trainer_parts, whole=whole)
        if with_model:
            with contextlib.suppress(TypeError, ValueError):  # layers without a configuration
                config = whole_models.written(self, self._trainer_parts.state, alone=True)
                taken["model"] = json.dumps(config)
        return taken

    # -- configurations

    def get_config(self) -> dict[str, Any]:
        """The description and the name, as `from_config` takes them.

        Raises:
          TypeError: the description is no layer of jkeras and has no configuration.
        """
        state = self._trainer_parts.state
        return {"name": state.name, "net": serialize_keras_object(state.net)}

    @classmethod
    def from_config(
        cls, config: Mapping[str, Any], custom_objects: Mapping[str, Any] | None = None
    ) -> Self:
        """A model with fresh weights.

        Args:
          config: what `get_config` gave.
          custom_objects: the user's own classes and functions by name.

        Raises:
          ValueError: a name in it is unknown, or something is missing.
        """
        parts = configurations.read_parts(cls, config, ("net",), custom_objects)
        make: Callable[..., Self] = cls
        return make(parts["net"], name=parts.get("name"))

    def to_json(self, **kwargs: Any) -> str:
        """The model as JSON: what `jkeras.models.model_from_json` reads, and Keras's.

        Args:
          **kwargs: for `json.dumps`, such as `indent=2`.

        Source: `keras.Model.to_json`.
        """
        return json.dumps(serialize_keras_object(self), **kwargs)

    def cloned(self, options: CloneOptions) -> Any:
        """A model of clones of these layers, with fresh weights.

        Raises:
          ValueError: an option that needs a list or a graph of layers.
        """
        state = self._trainer_parts.state
        reason = "because the model is not made of a list of layers"
        options.check_plain(state.who, clone_fn=reason, call_fn=reason, inputs=reason)
        make: Any = type(self)
        return make(*clone_layers([state.net]), name=state.name)
