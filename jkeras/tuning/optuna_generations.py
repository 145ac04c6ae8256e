"""Trials of Optuna by the generation: so many at a time, trained as one population.

Law: every trial that was asked for is told how it ended: with its value, as pruned, or as failed.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np

from jkeras.callbacks import Callback, History
from jkeras.callbacks.base import Logs
from jkeras.callbacks.monitor import direction
from jkeras.core.errors import WrongTypeError, describe, named_arguments, nearest
from jkeras.core.packages import need_package
from jkeras.population import Population

WHO = "optuna_population"

Study = Any
"""A study of Optuna, which is imported when it is needed."""
Model = Any
"""A model, or a function that returns one."""

Space = Mapping[str, Any] | Callable[[Any], Mapping[str, Any]]
"""Optuna's distributions by the names of hyper-parameters, or a function from a trial to values."""


@named_arguments
def optuna_population(
    study: Study,
    space: Space,
    size: int,
    model: Model,
    monitor: str = "val_loss",
    **options: Any,
) -> OptunaGeneration:
    """The next `size` trials of a study as one population, which is trained by one program.

    A member's hyper-parameters are those of its trial. `fit` of the result trains all of them,
    stops those that the study's pruner ends, and tells the study how each ended; so the next
    generation is asked for with all that is known. Generations of one model share their programs.

    Args:
      study: of Optuna, with one objective.
      space: Optuna's distributions by the names of hyper-parameters that a population takes:
        `{"learning_rate": FloatDistribution(1e-4, 1e-1, log=True), "dropout": …}`; or a function
        from a trial to such values: `lambda trial: {"dropout": trial.suggest_float("d", 0, 0.5)}`.
      size: the number of trials.
      model: a compiled model, or a function that returns one; see `jkeras.Population`.
      monitor: the log whose last value is that of a trial.
      **options: further arguments of `jkeras.Population`, such as `seeds=0`, which gives all
        members the same first weights.

    Returns:
      An `OptunaGeneration`; `fit` comes next.

    Raises:
      ImportError: Optuna is not installed.
      TypeError, ValueError: an argument is none of these, or the study's direction is not that of
        `monitor`.

    Example:
      >>> import optuna, jkeras
      >>> optuna.logging.set_verbosity(optuna.logging.WARNING)
      >>> study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
      >>> space = {"learning_rate": optuna.distributions.FloatDistribution(1e-3, 1.0, log=True)}
      >>> model = jkeras.Sequential([jkeras.Input((4,)), jkeras.layers.Dense(1)])
      >>> model.compile("sgd", "mse")
      >>> generation = optuna_population(study, space, 4, model, monitor="loss", seeds=0)
      >>> x = np.eye(4, dtype=np.float32)
      >>> history = generation.fit(x, x.sum(1), epochs=2, verbose=0)
      >>> len(study.trials), generation.best().predict(x, verbose=0).shape
      (4, (4, 1))
    """
    need_package("optuna", WHO, "optuna")
    _check_study(study)
    if isinstance(size, bool) or not hasattr(size, "__index__") or size < 1:
        raise ValueError(f"{WHO}: `size`: expected a number of trials, got {describe(size)}.")
    if not isinstance(monitor, str):
        raise WrongTypeError(
            f"{WHO}: `monitor`: expected the name of a log, such as 'val_loss', got "
            f"{describe(monitor)}."
        )
    if not (callable(space) or (isinstance(space, Mapping) and space)):
        raise WrongTypeError(
            f"{WHO}: `space`: expected Optuna's distributions by the names of hyper-parameters, or "
            f"a function from a trial to values, got {describe(space)}."
        )
    _check_space(space)
    trials: list[Any] = []
    try:
        values = []
        for _ in range(size):
            trials.append(study.ask() if callable(space) else study.ask(dict(space)))
            values.append(space(trials[-1]) if callable(space) else trials[-1].params)
        population = Population(model, size, **_by_name(values), **options)
        _check_direction(study, monitor, population)
    except BaseException:
        _tell_failed(study, trials)
        raise
    return OptunaGeneration(study, trials, population, monitor)


class OptunaGeneration:
    """Trials of a study that are the members of a population; `optuna_population` makes it.

    Attributes:
      study: of Optuna.
      trials: one for each member.
      population: the `jkeras.Population`.
      monitor: the log whose last value is that of a trial.
    """

    def __init__(
        self, study: Study, trials: list[Any], population: Population, monitor: str
    ) -> None:
        self.study = study
        self.trials = trials
        self.population = population
        self.monitor = monitor
        self._is_told = False

    def fit(
        self, *args: Any, callbacks: Callback | Iterable[Any] | None = None, **kwargs: Any
    ) -> History:
        """Trains the population, and tells the study how each trial ended; after Ctrl-C, that all
        failed.

        Args:
          *args, **kwargs: as for `Population.fit`.
          callbacks: further callbacks.

        Raises:
          ValueError: `monitor` is not among the logs, or the generation was trained before.
          Exception: as for `Population.fit`; all trials are told to have failed.
        """
        if self._is_told:
            raise ValueError(
                f"{WHO}: expected a generation that is new, got one whose trials are told. Ask for "
                f"the next one: {WHO}(study, space, {len(self.trials)}, model)."
            )
        self._is_told = True
        listed = callbacks if isinstance(callbacks, list | tuple) else [callbacks]
        pruning = _Pruning(self)
        try:
            given = [callback for callback in listed if callback is not None]
            fit: Callable[..., History] = self.population.fit
            history = fit(*args, callbacks=[*given, pruning], **kwargs)
            if history.interrupted:  # values of fewer epochs are not those of other trials
                _tell_failed(self.study, self.trials)
            else:
                self._tell(pruning)
        except BaseException:
            _tell_failed(self.study, self.trials)
            raise
        return history

    def best(self) -> Any:
        """The best member of the generation, as an ordinary model."""
        return self.population.best(self.monitor)

    def _tell(self, pruning: _Pruning) -> None:
        import optuna

        for member, trial in enumerate(self.trials):
            value = pruning.last[member]
            if member in pruning.pruned:
                self.study.tell(trial, state=optuna.trial.TrialState.PRUNED)
            elif value is None or not math.isfinite(value):
                self.study.tell(trial, state=optuna.trial.TrialState.FAIL)
            else:
                self.study.tell(trial, value)


class _Pruning(Callback):
    """Reports the members' values to their trials, and stops the members that are pruned."""

    def __init__(self, generation: OptunaGeneration) -> None:
        self._generation = generation
        self.last: list[float | None] = [None] * len(generation.trials)
        self.pruned: set[int] = set()

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        logs, name = logs or {}, self._generation.monitor
        if name not in logs:
            raise ValueError(
                f"{WHO}: `monitor` {name!r} is not among the logs: {', '.join(logs)}."
                f"{nearest(name, logs)} For a `val_` value give `fit` validation data."
            )
        found: Any = logs[name]
        population, stopped = self._generation.population, []
        for member in np.flatnonzero(population.active).tolist():
            value = self.last[member] = float(found[member])
            trial = self._generation.trials[member]
            if math.isfinite(value):
                trial.report(value, step=epoch)
            if not math.isfinite(value) or trial.should_prune():
                stopped.append(member)
                self.pruned |= {member} if math.isfinite(value) else set()
        if stopped:
            population.stop(stopped)

    def get_state(self) -> dict[str, Any]:
        """An empty dict: the study keeps what was reported."""
        return {}


def _by_name(values: list[Any]) -> dict[str, Any]:
    """The values of all trials, a list by the name of each hyper-parameter.

    Raises:
      TypeError, ValueError: a trial has no values by name, or others than the first.
    """
    first = values[0]
    for each in values:
        if not isinstance(each, Mapping) or not each:
            raise WrongTypeError(
                f"{WHO}: `space`: expected a dict of values by the names of hyper-parameters, got "
                f"{describe(each)}."
            )
        if set(each) != set(first):
            raise ValueError(
                f"{WHO}: `space`: expected the same hyper-parameters for all trials, got "
                f"{', '.join(map(str, first))} and {', '.join(map(str, each))}."
            )
    return {name: _listed([each[name] for each in values]) for name in first}


def _listed(values: list[Any]) -> Any:
    """Numbers as they are; dicts of them, by layer or output, as a dict of lists."""
    if isinstance(values[0], Mapping):
        return {name: [value[name] for value in values] for name in values[0]}
    return values


def _tell_failed(study: Study, trials: Iterable[Any]) -> None:
    """Tells the study that these trials failed; those that were told before stay as they are."""
    import optuna

    for trial in trials:
        study.tell(trial, state=optuna.trial.TrialState.FAIL, skip_if_finished=True)


def _check_study(study: Study) -> None:
    """Raises TypeError or ValueError for anything but a study with one objective."""
    if not (hasattr(study, "ask") and hasattr(study, "tell")):
        raise WrongTypeError(
            f"{WHO}: `study`: expected a study of Optuna, got {describe(study)}. Make one: "
            "optuna.create_study()."
        )
    if len(study.directions) > 1:
        raise ValueError(
            f"{WHO}: `study`: expected one objective, got {len(study.directions)}. A trial has the "
            "value of `monitor` alone."
        )


def _check_space(space: Space) -> None:
    """Raises TypeError where a mapping holds anything but distributions of Optuna."""
    import optuna

    for name, found in space.items() if isinstance(space, Mapping) else ():
        if not isinstance(found, optuna.distributions.BaseDistribution):
            raise WrongTypeError(
                f"{WHO}: `space`: expected a distribution of Optuna for {name!r}, got "
                f"{describe(found)}. For example: "
                "optuna.distributions.FloatDistribution(1e-4, 1e-1, log=True)."
            )


def _check_direction(study: Study, monitor: str, population: Population) -> None:
    """Raises ValueError where the study takes the better value for the worse."""
    metrics = population.metrics if population.compiled else ()
    rises = direction(monitor, metrics)
    found = study.direction.name.lower()
    wanted = "maximize" if rises else "minimize"
    if rises is not None and found != wanted:
        raise ValueError(
            f"{WHO}: `monitor`: {monitor!r} is better when it is "
            f"{'larger' if rises else 'smaller'}, and the study has direction={found!r}. Name "
            f"another value, or make it with optuna.create_study(direction={wanted!r})."
        )
