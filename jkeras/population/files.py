"""Populations in files: the model's configuration, and the values of all members, in one file."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jax
import numpy as np

from jkeras.callbacks import History
from jkeras.core.errors import MissingFileError, WrongTypeError, describe, value_error
from jkeras.models.cloning import model_from_json
from jkeras.population.base import PopulationBase
from jkeras.saving.checkpoint_file import read_checkpoint, write_checkpoint
from jkeras.trainer.loop import resume
from jkeras.trainer.loop.parts import parts_of
from jkeras.trainer.trainer import Trainer

ENDING = ".population"
FORMAT = "jkeras-population-1"


def save(population: PopulationBase, template: Trainer, filepath: object, overwrite: bool) -> None:
    """Writes a population to a file; arguments and errors as for `Population.save`."""
    path = _checked_path("save", filepath)
    if path.exists() and not overwrite:
        raise FileExistsError(f"{path}: the file exists, and `overwrite` is False.")
    found = population.hyperparameters
    specs = parts_of(template).state.specs or ()
    write_checkpoint(
        path,
        {
            "format": FORMAT,
            "model": template.to_json(),
            "inputs": [list(spec.shape) for spec in specs if hasattr(spec, "shape")],
            "seeds": list(population.seeds),
            "name": population.parts.state.name,
            "hyperparameters": jax.tree.map(np.asarray, found),
            "state": population.snapshot(),
            "history": None if population.history is None else population.history.get_state(),
            "trained": [np.asarray(active) for active in population.trained],
            "last_logs": {name: np.asarray(v) for name, v in population.last_logs.items()},
        },
    )


def read(filepath: object) -> dict[str, Any]:
    """What a file of `save` holds.

    Raises:
      FileNotFoundError: there is no such file.
      ValueError: it is damaged, or not of a population.
    """
    path = _checked_path("load", filepath)
    if not path.exists():
        raise MissingFileError(f"{path}: there is no such file.")
    content = read_checkpoint(path)
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise ValueError(f"{path}: expected a population ({FORMAT}), got something else.")
    return content


def model_of(content: Mapping[str, Any], custom_objects: Mapping[str, Any] | None) -> Any:
    """The model that the members of a file are made like, with fresh weights."""
    model = model_from_json(content["model"], custom_objects)
    if not model.built and content["inputs"]:
        model.build(*map(tuple, content["inputs"]))
    return model


def hyperparameters_of(content: Mapping[str, Any]) -> dict[str, Any]:
    """The hyper-parameters of a file, a list or a dict of lists by name."""
    found = content["hyperparameters"]
    return {
        name: {key: list(each) for key, each in value.items()}
        if isinstance(value, dict)
        else list(value)
        for name, value in found.items()
    }


def fill(population: PopulationBase, content: Mapping[str, Any]) -> None:
    """Gives a population the values of a file.

    Raises:
      ValueError: they are those of another model.
    """
    population.build_members()
    resume.take_values(population.parts, content["state"])
    population.take(population.need_values())
    population.last_logs = dict(content["last_logs"])
    if content.get("history") is not None:  # which older files do not have
        history = History()
        history.set_state(content["history"])
        history.set_model(population)
        population.trained = [np.asarray(active) for active in content["trained"]]


def _checked_path(verb: str, filepath: object) -> Path:
    if not isinstance(filepath, str | os.PathLike):
        raise WrongTypeError(f"{verb}: `filepath`: expected a path, got {describe(filepath)}.")
    path = Path(filepath)
    if path.suffix != ENDING:
        raise value_error(
            who=verb,
            argument="filepath",
            expected=f"a name that ends with {ENDING!r}",
            got=repr(path.name),
            fix=f"Use {path.stem + ENDING!r}; a member goes into a '.keras' file.",
        )
    return path
