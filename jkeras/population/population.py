"""`Population`: many models of one description, trained side by side by one program.

    population = Population(model, learning_rate=[0.1, 0.01, 0.001], seeds=0)
    population.compile("adam", "mse")
    history = population.fit(x, y, epochs=10, validation_data=(x_val, y_val))
    best = population.best("val_loss")     # an ordinary model
    mean, spread = population.predict(x)   # of a deep ensemble

Laws: a member has the numbers of a model with its seed and hyper-parameters that is trained alone,
whatever the engine; a member that is stopped changes no more.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple, Self

import jax
import numpy as np
from numpy.typing import ArrayLike

from jkeras.callbacks import Callback, History
from jkeras.callbacks.monitor import direction
from jkeras.core.errors import NotReadyError, named_arguments, nearest
from jkeras.core.trees import Tree
from jkeras.data.arrays import ClassWeight
from jkeras.population import files, member_models, runs
from jkeras.population.base import PopulationBase
from jkeras.population.hyperparameters import Numbers
from jkeras.trainer.preflight.data_arguments import Examples

Rows = Iterable[ArrayLike] | None
"""The type of the examples of each member: numbers, or masks."""


class Prediction(NamedTuple):
    """What a population predicts.

    Attributes:
      mean: the mean of the members' outputs, `[examples, …]`.
      spread: their standard deviation, of the same shape: how much the members disagree.
    """

    mean: Any
    spread: Any


class Population(PopulationBase):
    """Models of one description with values of their own, trained by one program.

    Args:
      model: the model that members are made like, or a function without arguments that returns
        one. A model that is compiled passes that on. It is left as it is.
      size: the number of members; left out, the length of the lists.
      seeds: a seed for each member, or one for all. Left out, those that so many new models would
        get.
      weights: "fresh", each member draws its own by its seed, or "model", all begin with the
        model's.
      engine: "vmap", members side by side; "map", one after the other, in one program; "auto"
        measures which is faster, once.
      chunk: members side by side at most; left out, as many as fit in memory.
      name: for messages.
      learning_rate, momentum, weight_decay, dropout, label_smoothing, loss_weights: a list with a
        number for each member, or a number for all. For several outputs `loss_weights`, and for
        single layers `dropout`, are dicts of such lists by name.

    Attributes:
      seeds: of the members.
      engine: how the members run; after `fit` with what was measured.
      history: of the last `fit`.
      last_logs: the values of the last epoch by name, a number for each member.

    Raises:
      TypeError, ValueError: an argument is none of these, or the lists have different lengths.

    Example:
      >>> import jkeras
      >>> model = jkeras.Sequential([jkeras.Input((4,)), jkeras.layers.Dense(1)])
      >>> population = Population(model, learning_rate=[0.1, 0.01], seeds=0)
      >>> population.compile("sgd", "mse")
      >>> x = np.eye(4, dtype="float32")
      >>> history = population.fit(x, x @ np.arange(4.0), epochs=2, verbose=0)
      >>> np.asarray(history.history["loss"]).shape  # epochs, members
      (2, 2)
      >>> population.best("loss").predict(x, verbose=0).shape
      (4, 1)
    """

    @named_arguments
    def __init__(
        self,
        model: object,
        size: int | None = None,
        *,
        seeds: int | Sequence[int] | None = None,
        weights: str = "fresh",
        engine: str = "auto",
        chunk: int | None = None,
        name: str = "population",
        learning_rate: Numbers = None,
        momentum: Numbers = None,
        weight_decay: Numbers = None,
        dropout: Numbers = None,
        label_smoothing: Numbers = None,
        loss_weights: Numbers = None,
    ) -> None:
        given = {
            "learning_rate": learning_rate,
            "momentum": momentum,
            "weight_decay": weight_decay,
            "dropout": dropout,
            "label_smoothing": label_smoothing,
            "loss_weights": loss_weights,
        }
        super().__init__(model, size, seeds, weights, (engine, chunk), name, given)

    # -- fit, evaluate, predict

    @named_arguments
    def fit(
        self,
        x: Examples = None,
        y: Tree = None,
        batch_size: int | None = None,
        epochs: int = 1,
        verbose: int | str = "auto",
        callbacks: Callback | Iterable[Any] | None = None,
        validation_split: float = 0.0,
        validation_data: Examples = None,
        shuffle: bool = True,
        class_weight: ClassWeight | None = None,
        sample_weight: Tree = None,
        initial_epoch: int = 0,
        steps_per_epoch: int | None = None,
        validation_steps: int | None = None,
        validation_batch_size: int | None = None,
        validation_freq: int | Sequence[int] = 1,
        resume_from: str | os.PathLike[str] | Mapping[str, Any] | None = None,
        *,
        member_weight: ArrayLike | None = None,
        member_rows: Rows = None,
        member_validation_rows: Rows = None,
    ) -> History:
        """Trains all members; each visits arrays in the order of its own seed.

        Args:
          x, y, batch_size, epochs, verbose, validation_split, validation_data, shuffle,
            class_weight, sample_weight, initial_epoch, steps_per_epoch, validation_steps,
            validation_batch_size, validation_freq, resume_from: as for `model.fit`. The batches of
            an iterable are the same for all members.
          callbacks: `EarlyStopping`, `ReduceLROnPlateau` and `LearningRateScheduler` act on each
            member by itself: a copy for each, in their attribute `members`. Others see the
            population as their `model`, and logs with a list of numbers, one a member.
          member_weight: sample weights of each member, `[members, examples]`, such as 0 and 1 for a
            fold; the loss is divided by all examples, as with `sample_weight`.
          member_rows: the numbers, or a mask, of the examples that each member is trained on, as if
            there were no others: folds, bootstrap samples.
          member_validation_rows: the same for its validation: of the validation data, or, without
            any, of the training data.

        Returns:
          A `History` whose lists have an entry for each epoch: a list with a number for each
          member. A stopped member repeats its last ones.

        Raises:
          TypeError, ValueError: as for `model.fit`, or what members have for themselves does not go
            with them and the data.
        """
        options = runs.FitOptions(
            batch_size,
            epochs,
            verbose,
            shuffle,
            initial_epoch,
            steps_per_epoch,
            validation_steps,
            validation_batch_size,
            validation_freq,
        )
        own = {
            "member_weight": member_weight,
            "member_rows": member_rows,
            "member_validation_rows": member_validation_rows,
        }
        given, kept = (x, y, sample_weight, class_weight), (validation_data, validation_split)
        return runs.fitted(self, given, kept, own, callbacks, resume_from, options)

    @named_arguments
    def evaluate(
        self,
        x: Examples = None,
        y: Tree = None,
        batch_size: int | None = None,
        verbose: int | str = "auto",
        sample_weight: Tree = None,
        steps: int | None = None,
        callbacks: Callback | Iterable[Any] | None = None,
        return_dict: bool = False,
        *,
        member_rows: Rows = None,
    ) -> Any:
        """The loss and the metrics of all members, without training.

        Args:
          x, y, batch_size, verbose, sample_weight, steps, callbacks, return_dict: as for
            `model.evaluate`.
          member_rows: as for `fit`.

        Returns:
          As `model.evaluate`, with an array `[members]` in the place of each number.
        """
        options = batch_size, verbose, steps
        logs, plan = runs.evaluated(self, (x, y, sample_weight), member_rows, callbacks, options)
        return plan.in_order(logs, return_dict)

    @named_arguments
    def predict(
        self,
        x: Examples,
        batch_size: int | None = None,
        verbose: int | str = "auto",
        steps: int | None = None,
        callbacks: Callback | Iterable[Any] | None = None,
        *,
        members: bool = False,
    ) -> Any:
        """What the members predict together, as a deep ensemble.

        Args:
          x, batch_size, verbose, steps, callbacks: as for `model.predict`.
          members: whether the outputs of every member are returned.

        Returns:
          `(mean, spread)`, a `Prediction`: the mean of the members' outputs and their standard
          deviation, `[examples, …]` each. The mean of probabilities is a probability; of logits
          take `members=True`, and a softmax first. With `members` the outputs themselves,
          `[members, examples, …]`.
        """
        outputs = runs.predicted(self, x, callbacks, (batch_size, verbose, steps))
        if members:
            return outputs
        mean = jax.tree.map(lambda a: np.mean(a, axis=0), outputs)
        return Prediction(mean, jax.tree.map(lambda a: np.std(a, axis=0), outputs))

    # -- members

    def member(self, number: int) -> Any:
        """A member as an ordinary model, with its optimizer, hyper-parameters and history: trained
        on, it goes on as if it had been trained alone.

        Raises:
          IndexError: there is no such member.
        """
        number = member_models.checked_member(self.who, number, len(self))
        history = member_models.member_history(self.history, self.trained, number)
        return member_models.member_model(
            self._template, self.need_values(), self._found, self.seeds[number], number, history
        )

    def __getitem__(self, number: int) -> Any:
        """`member(number)`."""
        return self.member(number)

    def __iter__(self) -> Iterator[Any]:
        return (self.member(number) for number in range(len(self)))

    def ranking(self, metric: str = "val_loss", mode: str = "auto") -> list[int]:
        """The numbers of the members, the best first, by the last epoch's value of a metric, which
        is that of the weights they have.

        Args:
          metric: a log name.
          mode: "min", "max", or "auto", which goes by the metric.

        Raises:
          ValueError: there is no such value yet, or its direction is not known.
        """
        if not self.last_logs:
            raise NotReadyError(f"{self.who}: there are no values of members yet. Call fit first.")
        if metric not in self.last_logs:
            raise ValueError(
                f"{self.who}: {metric!r} is not among the logs: {', '.join(self.last_logs)}."
                f"{nearest(metric, self.last_logs)} For a `val_` value give `fit` validation data."
            )
        if mode not in ("min", "max", "auto"):
            words = "'min', 'max' or 'auto'"
            raise ValueError(f"{self.who}: `mode`: expected {words}, got {mode!r}.")
        rises = {"max": True, "min": False}.get(mode)
        rises = direction(metric, self.metrics) if rises is None else rises
        if rises is None:
            raise ValueError(
                f"{self.who}: `mode`: cannot tell whether {metric!r} is better when it is smaller "
                "or larger. Say so: mode='min' or mode='max'."
            )
        values = np.asarray(self.last_logs[metric], np.float64)
        if values.ndim != 1:
            raise ValueError(
                f"{self.who}: {metric!r}: expected one number for each member, got {values[0]}. "
                "Take a metric that returns a single number."
            )
        values = np.where(np.isnan(values), np.inf, -values if rises else values)
        return np.argsort(values, kind="stable").tolist()

    def best(self, metric: str = "val_loss", mode: str = "auto") -> Any:
        """The best member, as an ordinary model; arguments and errors as for `ranking`."""
        return self.member(self.ranking(metric, mode)[0])

    # -- files

    def save(self, filepath: str | os.PathLike[str], overwrite: bool = True) -> None:
        """Writes all members to one file: the model, weights, optimizers, hyper-parameters and the
        history. `Population.load` reads it.

        Args:
          filepath: ends with `.population`.
          overwrite: whether an existing file may be replaced.

        Raises:
          FileExistsError: the file exists and `overwrite` is False.
          TypeError, ValueError: another ending, or a layer that has no configuration.
        """
        files.save(self, self._template, filepath, overwrite)

    @classmethod
    def load(
        cls,
        filepath: str | os.PathLike[str],
        custom_objects: Mapping[str, Any] | None = None,
    ) -> Self:
        """A population that `save` wrote; trained on, it goes on as the one that was saved.

        Raises:
          FileNotFoundError: there is no such file.
          ValueError: the file is damaged, or not of a population.
        """
        content = files.read(filepath)
        model = files.model_of(content, custom_objects)
        options = {name: content[name] for name in ("seeds", "name")}
        population = cls(model, **options, **files.hyperparameters_of(content))
        files.fill(population, content)
        return population
