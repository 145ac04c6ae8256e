"""Distillation: a small model, the student, learns what a large one, the teacher, says.

    distiller = Distiller(teacher, student, LogitsDistillation(temperature=3.0))
    distiller.compile("adam", loss="sparse_categorical_crossentropy")
    distiller.fit(x, y)
    distiller.student.save("small.keras")

The loss is `student_loss_weight` times that of the labels, and the rest of 1 times those of the
distillation. The teacher is frozen, and runs as outside of training.

Source: Hinton et al. 2015, arXiv:1503.02531; `keras.distillation`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Self

import jax
import jax.numpy as jnp

from jkeras import losses, metrics
from jkeras.core.description import Description, option
from jkeras.core.errors import describe, type_error, value_error
from jkeras.core.serialization import deserialize_keras_object, serialize_keras_object
from jkeras.trainer import Model, Trainer
from jkeras.trainer.files import configurations
from jkeras.tree import assert_same_structure

if TYPE_CHECKING:
    from jkeras.core.trees import Tree
    from jkeras.training.loss_specs import Losses

FINAL = "final_output"


def _losses(value: object) -> Any:
    """The losses that names in a structure stand for; at least one."""
    found = _mapped(lambda item: None if item is None else losses.get(item), value)
    if all(loss is None for loss in _leaves(found).values()):
        raise ValueError("expected at least one loss, got None.")
    return found


def _mapped(function: Callable[[Any], Any], value: object) -> Any:
    if isinstance(value, Mapping):
        return {name: _mapped(function, item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return tuple(_mapped(function, item) for item in value)
    return function(value)


def _leaves(value: object, path: tuple[Any, ...] = ()) -> dict[tuple[Any, ...], Any]:
    """The leaves of dicts and lists by their paths, those of dicts in the order of the names."""
    if isinstance(value, Mapping):
        items = sorted(value.items())
    elif isinstance(value, list | tuple):
        items = list(enumerate(value))
    else:
        return {path: value}
    found: dict[tuple[Any, ...], Any] = {}
    for name, item in items:
        found |= _leaves(item, (*path, name))
    return found


def _by_output(who: str, rules: Tree, *sides: Any) -> list[tuple[Any, ...]]:
    """For each output its loss, and its values of each side.

    Raises:
      ValueError: losses and values have other structures.
    """
    wanted, *found = (_leaves(part) for part in (rules, *sides))
    for leaves in found:
        if set(leaves) != set(wanted) and not len(leaves) == len(wanted) == 1:
            raise value_error(
                f"expected a loss for each output and its target, {_places(leaves)}, got "
                f"{_places(wanted)}.",
                who=who,
            )
    return list(zip(wanted.values(), *(leaves.values() for leaves in found), strict=True))


def _places(leaves: Mapping[tuple[Any, ...], Any]) -> str:
    """The paths of leaves, for a message."""
    return ", ".join(repr("/".join(map(str, path))) if path else "a single one" for path in leaves)


def _written(value: object) -> Any:
    return _mapped(serialize_keras_object, value)


def _temperature(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f"expected a number above 0, got {describe(value)}.")
    if not value > 0:
        raise ValueError(f"expected a number above 0, got {value}.")
    return value


class DistillationLoss(Description):
    """Base of what a student learns of a teacher. Subclass it and define `compute_loss`.

    Source: `keras.distillation.DistillationLoss`.
    """

    def compute_loss(self, teacher_outputs: Tree, student_outputs: Tree, **kwargs: Any) -> Any:
        """The loss, a scalar."""
        raise NotImplementedError(f"{self.who}: expected the class to define `compute_loss`.")

    def validate_outputs(self, teacher_outputs: Tree, student_outputs: Tree) -> None:
        """Raises a ValueError where the structures of the outputs differ."""
        assert_same_structure(teacher_outputs, student_outputs)

    def validate_model_compatibility(self, teacher: Trainer, student: Trainer) -> None:
        """Raises a ValueError where the models do not have what the loss needs."""


class LogitsDistillation(DistillationLoss):
    """The distance of the distributions that the logits of both models stand for.

    Both are divided by the temperature; the divergence of distributions is multiplied by its
    square, so that gradients stay as large. A loss other than `kl_divergence` gets the divided
    logits themselves.

    Args:
      temperature: above 1 the teacher's smaller outputs count more.
      loss: a name or a loss, or a structure of them as the outputs; None for outputs that do not
        count.

    Raises:
      ValueError: a temperature that is not above 0, or no loss.

    Source: `keras.distillation.LogitsDistillation`.
    """

    temperature: float = option(default=3.0, convert=_temperature)
    loss: Any = option(default="kl_divergence", convert=_losses, to_config=_written)

    def compute_loss(self, teacher_outputs: Tree, student_outputs: Tree, **kwargs: Any) -> Any:
        """The sum of the losses of all outputs."""

        def loss(rule: losses.Loss, teacher: jax.Array, student: jax.Array) -> Any:
            teacher, student = teacher / self.temperature, student / self.temperature
            if not isinstance(rule, losses.KLDivergence):
                return jnp.mean(rule(teacher, student))
            soft = jax.nn.softmax(teacher), jax.nn.softmax(student)
            return jnp.mean(rule(*soft)) * self.temperature**2

        return _total(self.who, loss, self.loss, teacher_outputs, student_outputs)


class FeatureDistillation(DistillationLoss):
    """The distance of the outputs of a layer of each model.

    Args:
      loss: a name or a loss, or a structure of them as the outputs; None for outputs that do not
        count.
      teacher_layer_name, student_layer_name: the layers; the outputs of the models where they are
        left out.

    Raises:
      ValueError: no loss.

    Source: Romero et al. 2014, arXiv:1412.6550; `keras.distillation.FeatureDistillation`.
    """

    loss: Any = option(default="mse", convert=_losses, to_config=_written)
    teacher_layer_name: str | None = None
    student_layer_name: str | None = None

    def validate_model_compatibility(self, teacher: Trainer, student: Trainer) -> None:
        """Raises a ValueError where a model has no such layer, or its graph is not known."""
        pairs = (
            (("teacher", teacher), self.teacher_layer_name),
            (
                ("student", student),
                self.student_layer_name,
            ),
        )
        for (role, model), name in pairs:
            if name is None:
                continue
            try:
                model.get_layer(name)
                _ = model.outputs
            except (AttributeError, ValueError) as error:
                raise value_error(
                    f"the {role} has no outputs of {name!r}: {error}", who=self.who
                ) from None

    def validate_outputs(self, teacher_outputs: Tree, student_outputs: Tree) -> None:
        """Raises a ValueError where the structures of outputs and losses differ."""
        super().validate_outputs(teacher_outputs, student_outputs)
        _by_output(self.who, self.loss, teacher_outputs)

    def compute_loss(self, teacher_outputs: Tree, student_outputs: Tree, **kwargs: Any) -> Any:
        """The sum of the losses of all outputs."""
        return _total(
            self.who,
            lambda rule, teacher, student: jnp.mean(rule(teacher, student)),
            self.loss,
            teacher_outputs,
            student_outputs,
        )


def _total(
    who: str, loss_fn: Callable[[Any, Any, Any], Any], rules: Tree, teacher: Tree, student: Tree
) -> Any:
    """The sum of `loss_fn(rule, teacher's output, student's output)`."""
    triples = _by_output(who, rules, teacher, student)
    return sum((loss_fn(rule, t, s) for rule, t, s in triples if rule is not None), start=0.0)


class Distiller(Model):
    """A model that trains its student with what its teacher says. Calling it calls the student.

    Args:
      teacher: a trained model; it is frozen.
      student: the model to train, with inputs and outputs of the same shapes.
      distillation_losses: one `DistillationLoss`, or a list.
      distillation_loss_weights: the weight of each; 1 when left out.
      student_loss_weight: the weight of the loss of the labels, from 0 to 1.
      name: the model's name.

    Raises:
      ValueError: models that do not go together, a weight out of range, or other numbers of weights
        than losses.

    Differs from Keras: the weight of a single loss counts, and `sample_weight` weights the loss of
    the labels, which Keras leaves out.

    Source: `keras.distillation.Distiller`.
    """

    def __init__(
        self,
        teacher: Trainer,
        student: Trainer,
        distillation_losses: Any,
        distillation_loss_weights: Sequence[float] | None = None,
        student_loss_weight: float = 0.5,
        name: str = "distiller",
        **kwargs: Any,
    ) -> None:
        super().__init__(name=name, **kwargs)
        who = f"Distiller {name!r}"
        _check_models(who, teacher, student)
        share = student_loss_weight
        if isinstance(share, bool) or not isinstance(share, int | float) or not 0 <= share <= 1:
            raise ValueError(
                f"{who}: `student_loss_weight`: expected a number from 0 to 1, got {share!r}."
            )
        if distillation_losses is None:
            raise ValueError(
                f"{who}: `distillation_losses`: expected a loss such as LogitsDistillation(), or "
                "a list of them, got None."
            )
        is_list = isinstance(distillation_losses, list | tuple)
        rules = list(distillation_losses) if is_list else [distillation_losses]
        _check_rules(who, rules)
        weights = _weights(who, distillation_loss_weights, len(rules))
        for rule in rules:
            rule.validate_model_compatibility(teacher, student)
        self.teacher, self.student = teacher, student
        self.teacher.trainable = False
        self.student_loss_weight = student_loss_weight
        self.distillation_losses, self.distillation_loss_weights = rules, weights
        layers = [getattr(rule, "teacher_layer_name", None) for rule in rules]
        self._of_teacher = _extractor(teacher, layers)
        self._of_student = _extractor(
            student, [getattr(rule, "student_layer_name", None) for rule in rules]
        )
        self._loss_of_labels: Any = None
        self.student_loss_tracker = metrics.Mean(name="student_loss")
        self.distillation_loss_tracker = metrics.Mean(name="distillation_loss")
        self.total_loss_tracker = metrics.Mean(name="total_loss")

    def compile(  # type: ignore[override]  # as in Keras: no loss weights
        self,
        optimizer: Any = "adam",
        loss: Losses = None,
        metrics: Sequence[Any] | None = None,
        **kwargs: Any,
    ) -> None:
        """As of any model; `loss` is that of the labels, and is needed.

        Raises:
          ValueError: no `loss`, or `metrics` that are no list.
        """
        if loss is None:
            raise ValueError(f"Distiller {self.name!r}: compile: expected a `loss` of the labels.")
        if metrics is not None and not isinstance(metrics, list | tuple):
            raise ValueError(
                f"Distiller {self.name!r}: compile: `metrics`: expected a list, got "
                f"{describe(metrics)}."
            )
        self._loss_of_labels = _losses(loss)
        super().compile(optimizer=optimizer, loss=None, metrics=metrics, **kwargs)

    def get_compile_config(self) -> dict[str, Any]:
        """The arguments of `compile` by name, with the loss of the labels."""
        config = super().get_compile_config()
        return {**config, "loss": _written(self._loss_of_labels)} if config else config

    def compile_from_config(self, config: Mapping[str, Any]) -> None:
        """Compiles the distiller as another was.

        A file of Keras lacks the loss of the labels: the distiller stays as it is, with a warning,
        as a subclass does that has a `compile` of its own.
        """
        arguments = configurations.compile_arguments(config)
        if arguments.get("loss") is None or type(self).compile is not Distiller.compile:
            super().compile_from_config(config)
        else:
            self.compile(**arguments)

    def call(self, inputs: Tree, training: bool | None = None, **kwargs: Any) -> Any:
        """The outputs of the student."""
        return self.student(inputs, training=training, **kwargs)

    def compute_loss(
        self,
        x: Tree = None,
        y: Tree = None,
        y_pred: Tree = None,
        sample_weight: Tree = None,
        training: bool = True,
    ) -> Any:
        """The loss of the labels and those of the distillation, weighted."""
        y_pred = self(x, training=training) if y_pred is None else y_pred
        share, of_labels, of_teacher = self.student_loss_weight, jnp.zeros(()), jnp.zeros(())
        if share > 0 and y is not None:
            of_labels = of_labels + self._label_loss(y, y_pred, sample_weight)
        if share < 1:
            of_teacher = of_teacher + self._distillation_loss(x, y_pred, training)
        total = share * of_labels + (1 - share) * of_teacher
        self.student_loss_tracker.update_state(of_labels)
        self.distillation_loss_tracker.update_state(of_teacher)
        self.total_loss_tracker.update_state(total)
        return total

    def _label_loss(self, y: Tree, y_pred: Tree, sample_weight: Tree) -> Any:
        who = f"Distiller {self.name!r}"
        is_shared = not isinstance(sample_weight, Mapping | list | tuple)
        weights = _mapped(lambda _: sample_weight, y) if is_shared else sample_weight
        quads = _by_output(who, self._loss_of_labels, y_pred, y, weights)
        return sum(rule(t, o, sample_weight=w) for rule, o, t, w in quads if rule is not None)

    def _distillation_loss(self, x: Tree, y_pred: Tree, training: bool) -> Any:
        if self._of_teacher is None:
            teacher = {FINAL: self.teacher(x, training=False)}
        else:
            teacher = self._of_teacher(x, training=False)
        student = {} if self._of_student is None else self._of_student(x, training=training)
        total: Any = 0.0
        for rule, weight in zip(
            self.distillation_losses, self.distillation_loss_weights, strict=True
        ):
            theirs = teacher[getattr(rule, "teacher_layer_name", None) or FINAL]
            name = getattr(rule, "student_layer_name", None)
            mine = y_pred if name is None else student[name]
            rule.validate_outputs(theirs, mine)
            loss = rule.compute_loss(jax.lax.stop_gradient(theirs), mine)
            if jnp.shape(loss) != ():
                raise ValueError(
                    f"{type(rule).__name__}: compute_loss: expected a scalar, got shape "
                    f"{jnp.shape(loss)}."
                )
            total = total + weight * loss
        return total

    def get_config(self) -> dict[str, Any]:
        """The two models, the losses and the weights."""
        return {
            "name": self.name,
            "teacher": serialize_keras_object(self.teacher),
            "student": serialize_keras_object(self.student),
            "distillation_losses": [
                serialize_keras_object(rule) for rule in self.distillation_losses
            ],
            "distillation_loss_weights": list(self.distillation_loss_weights),
            "student_loss_weight": self.student_loss_weight,
        }

    @classmethod
    def from_config(
        cls, config: Mapping[str, Any], custom_objects: Mapping[str, Any] | None = None
    ) -> Self:
        """The distiller with this configuration."""
        del custom_objects
        found = {name: deserialize_keras_object(config[name]) for name in ("teacher", "student")}
        rules = [deserialize_keras_object(rule) for rule in config["distillation_losses"]]
        return cls(**{**config, **found, "distillation_losses": rules})


def _check_rules(who: str, rules: Sequence[Any]) -> None:
    """Raises unless these are losses of distillation, at least one."""
    parts: dict[str, Any] = {"who": who, "argument": "distillation_losses"}
    if not rules:
        raise value_error(**parts, expected="at least one loss", got="none")
    for rule in rules:
        if isinstance(rule, DistillationLoss):
            continue
        fix = "Make one: LogitsDistillation()."
        if isinstance(rule, str):
            fix = f"A loss by name goes into one: LogitsDistillation(loss={rule!r})."
        raise type_error(
            **parts, expected="objects of DistillationLoss", got=describe(rule), fix=fix
        )


def _weights(who: str, value: Any, count: int) -> list[float]:
    """The argument `distillation_loss_weights`: a finite number for each loss."""
    if value is None:
        return [1.0] * count
    parts: dict[str, Any] = {"who": who, "argument": "distillation_loss_weights"}
    if not isinstance(value, list | tuple):
        raise type_error(**parts, expected="a list of numbers", got=describe(value))
    if len(value) != count:
        raise value_error(**parts, expected=f"{count}, one for each loss", got=len(value))
    for weight in value:
        is_number = isinstance(weight, int | float) and not isinstance(weight, bool)
        if not is_number or not math.isfinite(weight):
            raise value_error(**parts, expected="finite numbers", got=describe(weight))
    return list(value)


def _check_models(who: str, teacher: object, student: object) -> None:
    """Raises a ValueError unless both are models with equal shapes and dtypes, where known."""
    for role, model in (("teacher", teacher), ("student", student)):
        if not isinstance(model, Trainer):
            raise ValueError(f"{who}: `{role}`: expected a model, got {describe(model)}.")
    for what in ("inputs", "outputs"):
        try:
            sides = getattr(teacher, what), getattr(student, what)
        except (AttributeError, ValueError):
            continue  # of a subclassed model the shapes are not known
        if None in sides:
            continue
        for mine, other in zip(*map(jax.tree.leaves, sides), strict=False):
            shapes = tuple(mine.shape), tuple(other.shape)
            fits = len(shapes[0]) == len(shapes[1]) and all(
                a == b or None in (a, b) for a, b in zip(*shapes, strict=True)
            )
            if not fits or mine.dtype != other.dtype:
                raise ValueError(
                    f"{who}: expected {what} of the same shapes and dtypes, got {shapes[0]} "
                    f"{mine.dtype} of the teacher and {shapes[1]} {other.dtype} of the student."
                )


def _extractor(model: Trainer, names: Sequence[str | None]) -> Any:
    """A model of the same layers that gives the outputs of these layers too; None for none."""
    wanted = dict.fromkeys(name for name in names if name is not None)
    if not wanted:
        return None
    outputs = {FINAL: model.output} | {name: model.get_layer(name).output for name in wanted}
    return Model(model.inputs, outputs, name=f"{model.name}_features")


__all__ = ["DistillationLoss", "Distiller", "FeatureDistillation", "LogitsDistillation"]
