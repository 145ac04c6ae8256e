"""`model.card`: what a model is, in Markdown, under the headings that model cards have.

Source: Mitchell et al. 2019, "Model cards for model reporting", doi:10.1145/3287560.3287596; the
YAML before the text is what the Hugging Face Hub reads.
"""

from __future__ import annotations

import dataclasses
import json
import os
import re
from collections.abc import Mapping, Sequence, Sized
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jkeras.callbacks import History
from jkeras.core.errors import WrongTypeError, describe
from jkeras.core.folders import atomic_write
from jkeras.core.naming import kind_of
from jkeras.core.trees import Tree
from jkeras.display import memory_text
from jkeras.display.classes import label_names
from jkeras.display.summary import shape_text, summary_text
from jkeras.trainer.files import whole_models
from jkeras.trainer.loop.parts import TrainerParts
from jkeras.trainer.reports import run_facts, summary_rows
from jkeras.trainer.reports.page import checked_path
from jkeras.trainer.reports.run_facts import Facts, Reported
from jkeras.trainer.state.specs import concrete

_NOT_STATED = "Not stated."
_PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9_-]*")
_YAML_WORDS = frozenset("true false yes no on off null y n".split())
_LENGTH = 80


@dataclasses.dataclass(frozen=True)
class CardOptions:
    """What a user says for a card.

    Attributes:
      description, intended_use, limitations, training_data: sentences in Markdown.
      results: logs of an evaluation by name.
      labels: names of the classes.
      license: of the model, such as "apache-2.0".
      tags: words under which the card is found.
      history: of the run; that of the last `fit` for None.
      model_file: the file in which the reader finds the model.
    """

    description: str | None = None
    intended_use: str | None = None
    limitations: str | None = None
    training_data: str | None = None
    results: Mapping[str, Any] | None = None
    labels: Any = None
    license: str | None = None
    tags: Sequence[str] = ()
    history: Any = None
    model_file: str = "model.keras"


def card_text(
    model: Reported, parts: TrainerParts, path: str | os.PathLike[str] | None, options: CardOptions
) -> str:
    """The card; written to `path`, whole, unless that is None.

    Raises:
      TypeError, ValueError: an argument is wrong; nothing is written then.
    """
    place = None if path is None else checked_path("card", path, (".md", ".markdown"))
    _check(options)
    history = run_facts.history_of("card", model, options.history)
    parts.state.build_if_known()
    folder = Path() if place is None else place.parent
    sections = {
        "Model details": _details(model, parts, options),
        "Intended use": options.intended_use or _NOT_STATED,
        "Limitations": options.limitations or _NOT_STATED,
        "Training data": _training_data(history, options),
        "Training procedure": _procedure(model, parts, history),
        "Evaluation results": _results(history, options),
        "Architecture": _architecture(model, parts),
        "Size": _table(("what", "size"), _sizes(parts, folder / options.model_file)),
        "How to load and use": _usage(model, parts, options.model_file),
        "Versions and machine": _table(("what", "which"), run_facts.machine_facts()),
    }
    text = _front_matter(options, history) + f"# {_plain(model.name)}\n"
    text += "".join(f"\n## {title}\n\n{body}\n" for title, body in sections.items())
    if place is not None:
        atomic_write(place, lambda file: file.write(text.encode()))
    return text


def _check(options: CardOptions) -> None:
    for name in ("description", "intended_use", "limitations", "training_data", "license"):
        value = getattr(options, name)
        if value is not None and not isinstance(value, str):
            raise WrongTypeError(f"card: `{name}`: expected a text, got {describe(value)}.")
    if options.results is not None and not isinstance(options.results, Mapping):
        raise WrongTypeError(
            f"card: `results`: expected a dict from name to number, got "
            f"{describe(options.results)}. Pass model.evaluate(x, y, return_dict=True)."
        )
    for name, value in (options.results or {}).items():
        if not _is_number(value):
            raise WrongTypeError(
                f"card: `results`: expected numbers, got {describe(value)} for {name!r}. "
                "Pass model.evaluate(x, y, return_dict=True)."
            )
    is_list = isinstance(options.tags, Sequence) and not isinstance(options.tags, str)
    if not is_list or not all(isinstance(tag, str) for tag in options.tags):
        raise WrongTypeError(
            f'card: `tags`: expected a list of words, such as ["images"], got '
            f"{describe(options.tags)}."
        )
    if not isinstance(options.model_file, str) or not options.model_file.endswith(".keras"):
        raise ValueError(
            f"card: `model_file`: expected the name of a file that ends with .keras, got "
            f"{describe(options.model_file)}."
        )


def _is_number(value: object) -> bool:
    if isinstance(value, list | tuple):
        return all(map(_is_number, value))
    if isinstance(value, bool | str | bytes):
        return False
    try:
        np.asarray(value, np.float64).reshape(())
    except (TypeError, ValueError):
        return False
    return True


# -- the sections


def _front_matter(options: CardOptions, history: History | None) -> str:
    """The YAML that the Hub reads: library, tags, license, names of metrics."""
    logs = list(options.results or ())
    if not logs and history is not None:
        logs = list(dict.fromkeys(name.removeprefix("val_") for name in history.history))
    metrics = [name for name in logs if name != "loss"]
    lines = ["---", "library_name: jkeras"]
    if options.license:
        lines.append(f"license: {_scalar(options.license)}")
    lines += ["tags:", *(f"- {_scalar(tag)}" for tag in dict.fromkeys(("jkeras", *options.tags)))]
    if metrics:
        lines += ["metrics:", *(f"- {_scalar(name)}" for name in metrics)]
    return "\n".join([*lines, "---", "", ""])


def _scalar(word: str) -> str:
    """A word as YAML reads it: in quotes where it would be something else without."""
    is_plain = _PLAIN.fullmatch(word) and word.lower() not in _YAML_WORDS
    return word if is_plain else json.dumps(word)


def _details(model: Reported, parts: TrainerParts, options: CardOptions) -> str:
    state = parts.state
    kinds = dict.fromkeys((type(model).__name__, kind_of(state.net)))
    facts = [("name", state.name), ("kind", " of ".join(kinds))]
    facts += run_facts.size_facts(parts)[:1]
    if state.specs:
        inputs = [
            f"{shape_text(s.shape)} {jnp.dtype(s.dtype).name}" for s in jax.tree.leaves(state.specs)
        ]
        facts.append(("inputs", ", ".join(inputs)))
    facts.append(("license", options.license or _NOT_STATED))
    table = _table(("what", "which"), facts)
    return f"{options.description}\n\n{table}" if options.description else table


def _training_data(history: History | None, options: CardOptions) -> str:
    parts = [options.training_data] if options.training_data else []
    facts = run_facts.data_facts(history)
    if facts:
        parts.append(_table(("what", "which"), facts))
    else:
        parts.append(
            "Not known: no run of `fit` on this model is on record (a model that was loaded has "
            "none)."
        )
    counts = run_facts.class_counts(history)
    if counts:
        count = max(counts) + 1
        names = label_names(options.labels, _count_of(options.labels, count), "card")
        rows = [(names[index], f"{number:,}") for index, number in counts.items()]
        parts.append(_table(("class", "examples"), rows))
    return "\n\n".join(parts)


def _count_of(labels: object, seen: int) -> int:
    """The number of classes: those that have names, where there are more of them than were seen."""
    if isinstance(labels, Mapping):
        return max([seen, *(key + 1 for key in labels if isinstance(key, int))])
    return max(seen, len(labels)) if isinstance(labels, Sized) else seen


def _procedure(model: Reported, parts: TrainerParts, history: History | None) -> str:
    facts = run_facts.training_facts(parts, history, model.seed)
    table = _table(("what", "which"), facts)
    if history is not None:
        return table
    what = "not compiled" if parts.compilation is None else "not trained, or its run is not known"
    return f"The model is {what}.\n\n{table}"


def _results(history: History | None, options: CardOptions) -> str:
    parts = []
    if options.results:
        rows = run_facts.result_facts(options.results)
        parts.append(_table(("metric", "value"), rows))
    else:
        parts.append("No evaluation was given.")
    if history is not None:
        rows = [
            (name, run_facts.number_text(values[-1]))
            for name, values in history.history.items()
            if values and _is_number(values[-1])
        ]
        parts.append("At the end of the last epoch of training (`val_`: on validation data):")
        parts.append(_table(("log", "value"), rows))
    return "\n\n".join(parts)


def _architecture(model: Reported, parts: TrainerParts) -> str:
    state = parts.state
    text = summary_text(
        state.name,
        summary_rows.rows(state, model.layers),
        line_length=_LENGTH,
        **summary_rows.sizes(state, None),
    )
    return _code("text", text)


def _sizes(parts: TrainerParts, file: Path) -> Facts:
    facts = run_facts.size_facts(parts)
    if file.is_file():
        return [*facts, (f"`{file.name}` on disk", memory_text(file.stat().st_size))]
    return [*facts, ("on disk", f"{run_facts.UNKNOWN}: no `{file.name}` beside this card yet")]


def _usage(model: Reported, parts: TrainerParts, file: str) -> str:
    """The code that loads the model and applies it to zeros of the right shape."""
    state = parts.state
    if not state.specs or not state.has_call:
        return (
            "The shapes of the inputs are not known before the model is built; then a call of "
            "`card` writes the code here."
        )
    try:
        config = whole_models.written(model, state)
    except (TypeError, ValueError):
        return (
            "The model has no configuration, so it is made by the code that made it, and its "
            "weights are read:\n\n" + _code("python", 'model.load_weights("model.safetensors")')
        )
    own = sorted(_own_classes(config))
    lines = ["import numpy as np", "", "import jkeras", ""]
    about = ""
    if own:
        about = f"Its own classes ({', '.join(own)}) have to be defined or imported first.\n\n"
        given = ", ".join(f'"{name}": {name}' for name in own)
        lines.append(
            f"model = jkeras.models.load_model({json.dumps(file)}, custom_objects={{{given}}})"
        )
    else:
        lines.append(f"model = jkeras.models.load_model({json.dumps(file)})")
    names = list(getattr(state.net, "input_names", ()))
    arrays = [_zeros(spec) for spec in jax.tree.leaves(state.specs)]
    if len(arrays) == 1:
        lines.append(f"x = {arrays[0]}")
    elif len(names) == len(arrays):
        pairs = zip(names, arrays, strict=True)
        lines += ["x = {", *(f"    {json.dumps(name)}: {zeros}," for name, zeros in pairs), "}"]
    else:
        lines += ["x = [", *(f"    {zeros}," for zeros in arrays), "]"]
    lines.append("outputs = model.predict(x)")
    return about + _code("python", "\n".join(lines))


def _zeros(spec: Tree) -> str:
    known = concrete(spec, 1)
    return f'np.zeros({tuple(known.shape)}, "{jnp.dtype(known.dtype).name}")'


def _own_classes(config: object) -> set[str]:
    """The names of classes in a configuration that are neither of this library nor Keras's."""
    if isinstance(config, Mapping):
        found = {name for value in config.values() for name in _own_classes(value)}
        module = str(config.get("module") or "builtins").partition(".")[0]
        if "class_name" in config and module not in ("builtins", "jkeras", "keras"):
            found.add(str(config["class_name"]))
        return found
    if isinstance(config, list | tuple):
        return {name for item in config for name in _own_classes(item)}
    return set()


# -- Markdown


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(map(_cell, line)) + " |" for line in lines)


def _cell(text: str) -> str:
    return (
        " ".join(str(text).split()).replace("\\", "\\\\").replace("|", "\\|").replace("<", "&lt;")
    )


def _plain(text: str) -> str:
    return _cell(text).replace("#", "\\#")


def _code(language: str, text: str) -> str:
    return f"```{language}\n{text}\n```"
