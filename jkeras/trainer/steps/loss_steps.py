"""Steps made from a loss and an optimizer, as `compile` gives them."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Hashable
from typing import Any, NamedTuple

from jkeras import optimizers
from jkeras.core import trees
from jkeras.core.batch import Batch
from jkeras.core.constants import first_values
from jkeras.metrics import Mean, Metric
from jkeras.trainer.compiling.compilation import Compilation, not_compiled, skips_nans
from jkeras.trainer.compiling.plan import Kind, Plan, structure_of
from jkeras.trainer.compiling.programs import Programs, StepFunctions
from jkeras.trainer.compiling.shared_programs import number_as_rate, shared, without_rate
from jkeras.trainer.compiling.target_checks import TargetChecks
from jkeras.trainer.state import inference_rng
from jkeras.trainer.state.model_state import ModelState
from jkeras.trainer.state.shape_inference import naming_layers
from jkeras.trainer.state.specs import concrete
from jkeras.trainer.steps.layer_metrics import all_metrics, held_metrics, with_layer_metrics
from jkeras.training import steps
from jkeras.training.loss_specs import EMPTY_COMPILE_SPEC
from jkeras.training.objective import Objective, Sums, objective_of, padded_rows
from jkeras.training.state import TrainState

PredictFn = Callable[[Any, Any, Any], Any]


class Resolved(NamedTuple):
    """The loss and metrics resolved for batches of one structure.

    Attributes:
      objective: the model with its loss and metrics, for the structure of the outputs.
      checks: the losses' checks of the targets.
      zeros: the sums before the first batch.
      pads: whether a partial last batch may be filled up.
    """

    objective: Objective
    checks: TargetChecks
    zeros: Sums
    pads: bool


class LossSteps:
    """Steps that minimise a loss by an optimizer.

    Args:
      predict_fn: (params, state, batch) -> outputs, in place of the description's own outputs.
    """

    def __init__(self, predict_fn: PredictFn | None = None) -> None:
        self._compilation: Compilation | None = None
        self._predict_fn = predict_fn
        self._resolved: dict[Hashable, Resolved] = {}
        self._objective: tuple[Any, tuple[str, ...], Objective] | None = None

    def __getstate__(self) -> dict[str, Any]:
        return vars(self) | {"_resolved": {}, "_objective": None}

    @property
    def compilation(self) -> Compilation | None:
        """The arguments of `compile`, resolved; None before."""
        return self._compilation

    @compilation.setter
    def compilation(self, value: Compilation | None) -> None:
        self._compilation = value
        self._resolved.clear()
        self._objective = None

    @property
    def transformation(self) -> Any:
        """The optimizer's; before `compile`, one whose state is next to nothing."""
        compiled = self.compilation
        return optimizers.as_transformation("sgd") if compiled is None else compiled.transformation

    def init_fn(self, state: ModelState) -> Callable[..., TrainState]:
        """The pure function (key, *specs) -> all values."""
        transformation = self.transformation

        def make(objective: Objective) -> Callable[..., TrainState]:
            return naming_layers(objective.net, steps.init_fn(objective, transformation))

        return shared(self.objective(state), ("init", without_rate(transformation)), make)

    def with_rate(self, values: TrainState) -> TrainState:
        """The values with the optimizer's own learning rate, where it is a number."""
        rate = number_as_rate(self.transformation)
        if rate is None:
            return values
        return values.replace(opt_state=optimizers.set_learning_rate(values.opt_state, rate))

    def objective(self, state: ModelState) -> Objective:
        """The model with its losses and metrics, as far as the description tells its outputs; kept,
        since each call asks for it.
        """
        net, held = state.net, state.held
        if self._objective is None or self._objective[0] is not net or self._objective[1] != held:
            compiled = self.compilation
            compile_spec = EMPTY_COMPILE_SPEC if compiled is None else compiled.compile_spec
            self._objective = net, held, objective_of(net, compile_spec, held)
        return self._objective[2]

    def check_compilation(self, state: ModelState, compilation: Compilation) -> None:
        """Nothing: every compilation goes with these steps."""

    def recompiled(self, state: ModelState, values: TrainState) -> TrainState:
        """The values with the optimizer's state and the sums at their beginning."""
        objective = self.objective(state)
        opt_state = first_values(
            functools.partial(optimizers.init_state, self.transformation),
            objective.trained(values.params),
        )
        return values.replace(opt_state=opt_state, sums=objective.zeros())

    def metrics(self, state: ModelState) -> list[Metric]:
        """The mean of the loss, the metrics of `compile`, and the means of the losses of several
        outputs.
        """
        if self.compilation is None:
            return []
        objective = self._known_objective("metrics", state)
        pairs = [pair for spec in objective.loss_specs for pair in spec.metrics]
        pairs += [pair for spec in objective.loss_specs for pair in spec.weighted_metrics]
        known = [Mean("loss"), *(metric for _, metric in pairs), *map(Mean, objective.loss_names)]
        return [*known, *all_metrics(held_metrics(state.net))]

    def metrics_names(self, state: ModelState) -> list[str]:
        """The names of the values that `evaluate` returns, in its order."""
        names = self._known_objective("metrics_names", state).names
        others = (metric.log_name for metric in all_metrics(held_metrics(state.net)))
        return list(dict.fromkeys((*names, *others)))

    def _known_objective(self, argument: str, state: ModelState) -> Objective:
        """The objective with the structure of the outputs, if that can be known."""
        if self.compilation is None:
            raise not_compiled(state.who, argument)
        state.build_if_known()
        objective = self.objective(state)
        if objective.output_structure is None and state.specs:
            specs = map(concrete, state.specs)
            objective = objective.resolved_for(inference_rng.output_specs(state, *specs))
        if objective.output_structure is None and objective.compile_spec.is_for_several:
            raise ValueError(
                f"{state.who}: `{argument}` of several outputs are known when the shape of the "
                "inputs is. Call build((None, ...)) first, or fit it."
            )
        return objective

    def check_predicts(self, who: str, state: ModelState) -> None:
        """Nothing: a description gives outputs."""

    def plan_key(self, state: ModelState, kind: Kind) -> Hashable:
        """The frozen weights, which get no gradient and no penalty; and in training the frozen
        layers, since one without weights may run in another way (BatchNormalization). Outputs of
        predictions are the same.
        """
        if kind == "predict":
            return None
        flags = state.trainable_flags() if kind == "train" else ()
        return state.frozen_now(), flags

    def may_pad(self, state: ModelState) -> bool:
        """Whether the layers leave filler rows of a batch alone."""
        return _may_pad(self.objective(state))

    def plan(self, who: str, state: ModelState, kind: Kind, batch: Batch, rows: int) -> Plan:
        """The plan for batches like this one.

        Raises:
          TypeError, ValueError: the targets do not go with the losses and the outputs.
        """
        net, predict_fn = state.net, self._predict_fn
        structure = (kind, rows, *structure_of(batch))
        if kind == "predict":
            pads = _may_pad(self.objective(state))

            def make(objective: Objective) -> Programs:
                predict = predict_fn or steps.predict_step_fn(objective.net)
                functions = StepFunctions(objective.net, {}, lambda sums: {}, predict, pads=pads)
                return Programs(functions)

            bare, shares = Objective(net), predict_fn is None
            programs = shared(bare, (*structure, pads), make) if shares else make(bare)
            return Plan(kind, programs, traces_inputs=True)
        found = self._resolve(who, state, batch, rows)
        objective = dataclasses.replace(found.objective, held=state.held)
        transformation, held = self.transformation, held_metrics(net)
        skips = skips_nans(self.compilation)

        def make_all(objective: Objective) -> Programs:
            functions = StepFunctions(
                net=objective.net,
                zeros=found.zeros,
                logs=objective.logs,
                predict=predict_fn or steps.predict_step_fn(objective.net),
                train=steps.train_step_fn(objective, transformation, skips=skips),
                evaluate=steps.summing(objective.merge, steps.eval_step_fn(objective)),
                objective=objective,
                skips=skips,
                pads=found.pads,
            )
            return Programs(with_layer_metrics(functions, objective, held) if held else functions)

        if predict_fn or held:
            programs = make_all(objective)
        else:
            others = (*structure, skips, found.pads, self.plan_key(state, "train"))
            programs = shared(objective, (*others, without_rate(transformation)), make_all)
        names = tuple(dict.fromkeys((*objective.names, *(m.log_name for m in all_metrics(held)))))
        return Plan(kind, programs, objective, found.checks, names, traces_inputs=True)

    def _resolve(self, who: str, state: ModelState, batch: Batch, rows: int) -> Resolved:
        """The part of a plan that training and evaluation on one structure share, resolved once.

        Raises:
          TypeError, ValueError: the targets do not go with the losses and the outputs.
        """
        key = (state.version, rows, *structure_of(batch))
        known = self._resolved.get(key)
        if known is not None:
            known.checks.check_values(batch, who)
            return known
        outputs = inference_rng.output_specs(state, *trees.specs_of_rows(batch.inputs, rows))
        try:
            objective = self.objective(state).resolved_for(outputs)
            objective.parts(batch, outputs)
        except ValueError as error:
            raise ValueError(f"{who}: {error}") from None
        checks = TargetChecks(objective, outputs)
        checks.check_shapes(who, batch)
        targets = Batch(None, trees.specs_of_rows(batch.y, rows))
        found = Resolved(
            objective=objective,
            checks=checks,
            zeros=objective.zeros(targets, outputs),
            pads=_may_pad(objective) and not objective.looks_across(targets, outputs),
        )
        self._resolved[key] = found
        return found


def _may_pad(objective: Objective) -> bool:
    """Whether rows that are masked out leave the layers and the order of the examples alone."""
    return padded_rows(objective.net) != "seen" and not objective.compile_spec.is_in_order
