"""The Trainer: the one object that changes. It holds a description and its current values.

    trainer = Trainer(net)
    trainer.compile(optimizer="adam", loss="mse", metrics=["mae"])
    history = trainer.fit(x, y, epochs=5, validation_data=(x_val, y_val))
    trainer.evaluate(x_test, y_test); trainer.predict(x_test)

What it holds is in `_trainer_parts`: the state, the steps, the plans, the run. Each method here
reads its arguments, gets the plan for them, and runs a loop of `trainer.loop`.
"""

from __future__ import annotations

import contextlib
import copy
import functools
import os
import weakref
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Self

import jax

from jkeras.callbacks import Callback, CallbackList, History
from jkeras.core.errors import FORMER_METHODS, named_arguments, nearest
from jkeras.core.naming import kind_of, snake_case
from jkeras.core.pickling import check_pickles, packed, unpacked
from jkeras.core.session import limited_epochs, limited_steps
from jkeras.core.symbols import has_symbols
from jkeras.core.tracebacks import api_boundary
from jkeras.core.trees import Tree
from jkeras.data.arrays import ClassWeight
from jkeras.data.streams import Stream
from jkeras.keras_classes.model_calls import call_model
from jkeras.keras_classes.tracking import missing_super_init, own_variables
from jkeras.trainer.compile_mixin import CompileMixin
from jkeras.trainer.compiling.compilation import (
    check_not_negative,
    check_positive,
    resolved_distribution,
)
from jkeras.trainer.compiling.train_steps import TrainSteps
from jkeras.trainer.files_mixin import FilesMixin
from jkeras.trainer.keras_names_mixin import KerasNamesMixin
from jkeras.trainer.loop import resume, short_runs
from jkeras.trainer.loop.call import Call
from jkeras.trainer.loop.error_notes import explained
from jkeras.trainer.loop.evaluate import evaluate
from jkeras.trainer.loop.fit import Training, fit, loaded, prepared_validation, validates
from jkeras.trainer.loop.interrupt import Interrupt
from jkeras.trainer.loop.parts import PARTS, PartsAttribute, TrainerParts, pickled_parts
from jkeras.trainer.loop.predict import predict
from jkeras.trainer.loop.run import Run
from jkeras.trainer.loop.unchanged import Unchanged
from jkeras.trainer.one_batch_mixin import OneBatchMixin
from jkeras.trainer.preflight import data_arguments
from jkeras.trainer.preflight.data_arguments import Examples
from jkeras.trainer.preflight.prepare import warn_of_random_weights
from jkeras.trainer.quantization_mixin import QuantizationMixin
from jkeras.trainer.reports_mixin import ReportsMixin
from jkeras.trainer.state.description import as_description
from jkeras.trainer.state.model_state import ModelState
from jkeras.trainer.steps.function_steps import Functions, FunctionSteps, checked_functions
from jkeras.trainer.steps.loss_steps import LossSteps
from jkeras.trainer.tuning_mixin import TuningMixin
from jkeras.trainer.weights_mixin import WeightsMixin


class Trainer(
    WeightsMixin,
    CompileMixin,
    FilesMixin,
    KerasNamesMixin,
    OneBatchMixin,
    QuantizationMixin,
    ReportsMixin,
    TuningMixin,
):
    """Trains, evaluates and applies a model.

    Args:
      net: anything with the layer contract, `init` and `apply`, or a module of another library
        (`jkeras.models.as_layer` says which). It may be left out where `init` is given.
      seed: an integer in [0, 2**32). Initial weights, dropout and shuffling follow from it alone.
        Left out, it is the next one after `set_random_seed`, or a random one.
      name: shown in summaries and messages.
      train_step: the pure function (train_state, batch) -> (train_state, logs) of one update, in
        place of a loss and an optimizer: no `compile` is needed. Logs are scalars of the batch; an
        epoch's are their means, weighted by the examples. `batch` has `x`, `y` and `weight`;
        `jkeras.training.step_key(train_state)` is a fresh random key.
      init: the pure function (key, *specs) -> a train state made by
        `jkeras.training.make_train_state`, or params alone. It may be left out where a net is
        given: then `opt_state` is that of the optimizer that `compile` gets.
      eval_step: (params, state, batch) -> logs, for `evaluate` and validation.
      predict_step: (params, state, batch) -> outputs; those of the net when left out.
      distribution: the devices to run on, as for `compile`, whose argument goes before this one.

    Raises:
      TypeError: `net` or a function is none, or one is missing.

    Example:
      >>> from jkeras.training import make_train_state
      >>> import jax.numpy as jnp
      >>> def init(key, x):
      ...     return make_train_state(key, {"w": jnp.zeros(x.shape[-1])})
      >>> def train_step(train_state, batch):
      ...     def loss(params):
      ...         return jnp.mean((batch.x @ params["w"] - batch.y) ** 2)
      ...     value, grads = jax.value_and_grad(loss)(train_state.params)
      ...     params = jax.tree.map(lambda p, g: p - 0.1 * g, train_state.params, grads)
      ...     return train_state.replace(params=params), {"loss": value}
      >>> trainer = Trainer(train_step=train_step, init=init)
      >>> x = jnp.eye(4)
      >>> losses = trainer.fit(x, x @ jnp.arange(4.0), epochs=2, verbose=0).history["loss"]
      >>> losses[1] < losses[0] == 3.5
      True
    """

    @named_arguments
    def __init__(
        self,
        net: object = None,
        *,
        seed: int | None = None,
        name: str | None = None,
        train_step: Callable[..., Any] | None = None,
        init: Callable[..., Any] | None = None,
        eval_step: Callable[..., Any] | None = None,
        predict_step: Callable[..., Any] | None = None,
        distribution: Any = None,
    ) -> None:
        kind = type(self).__name__
        devices = resolved_distribution(distribution, kind)
        others = {"init": init, "eval_step": eval_step, "predict_step": predict_step}
        functions = checked_functions(kind, net, train_step, others)
        steps: TrainSteps = LossSteps()
        if functions is not None:
            steps = FunctionSteps(functions, has_net=net is not None)
            if net is None:
                net, name = Functions(functions), name or "trainer"
        self._hold(net, steps, seed=seed, name=name)
        self._trainer_parts.own_distribution = devices

    def _hold(
        self, net: object, steps: TrainSteps, *, seed: int | None = None, name: str | None = None
    ) -> None:
        """Takes a description, and the steps by which it is trained.

        Raises:
          TypeError: `net` is no description.
        """
        kind = type(self).__name__
        net = as_description(kind, net)
        state = ModelState(
            net,
            kind=kind,
            name=name or snake_case(kind_of(net)),
            is_named=name is not None,
            seed=seed,
            maker=steps,
        )
        state.owner = weakref.ref(self)
        vars(self)[PARTS] = TrainerParts(state, steps)

    def __getstate__(self) -> dict[str, Any]:
        """The description, the values and the compilation; programs are compiled anew.

        Raises:
          PicklingError: a part cannot be pickled; the message names it.
        """
        check_pickles(self, self._trainer_parts.state.who, pickled_parts(self))
        return packed(vars(self))

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(unpacked(state))
        self._trainer_parts.state.owner = weakref.ref(self)
        own_variables(self)  # which tells them where their weights are

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        """A model of its own, with these values and this compilation."""
        memo[id(self)] = new = object.__new__(type(self))
        new.__setstate__(copy.deepcopy(vars(self), memo))
        return new

    def __copy__(self) -> Self:
        """The same as a deep copy, as in Keras."""
        return copy.deepcopy(self)

    def __repr__(self) -> str:
        state = self._trainer_parts.state
        layers = getattr(state.net, "layers", None)
        return f"<{state.who}: {state.net if layers is None else list(layers)}>"

    def __getattr__(self, name: str) -> Any:
        """Names that a model of Keras has and this one has not are answered with what to use."""
        cls = type(self)
        if name == PARTS:
            raise AttributeError(str(missing_super_init(cls.__name__)))
        own = getattr(cls, name, None)
        if isinstance(own, property):
            return own.__get__(self)  # it is there, and says again why it gives nothing
        known = [word for word in dir(cls) if not word.startswith("_")]
        fix = FORMER_METHODS.get(name)
        fix = f" Use {fix}." if fix else nearest(name, known)
        raise AttributeError(f"{cls.__name__} has no attribute {name!r}.{fix}")

    stop_training = PartsAttribute(
        "Whether training ends after the current epoch; a callback sets it, and in a batch hook it "
        "ends training after the current batch."
    )
    stop_evaluating = PartsAttribute("Whether an evaluation ends after the current batch.")
    stop_predicting = PartsAttribute("Whether a prediction ends after the current batch.")
    initial_epoch = PartsAttribute(
        "The first epoch of the run; a callback that restores an earlier run sets it in "
        "`on_train_begin` to pass over the epochs that were trained then."
    )

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
        fast_dev_run: bool | int = False,
        overfit_batches: int | None = None,
    ) -> History:
        """Trains the model.

        Args:
          x: an array, a table, a list, tuple or dict of arrays, or an iterable of batches `(x, y)`
            or `(x, y, sample_weight)`; a data set of Grain, Hugging Face or tensorflow-datasets.
          y: targets; a list, tuple or dict of them for several outputs; None when `x` is an
            iterable.
          batch_size: examples per update, 32 when left out. The last batch may be smaller. Of
            batches that an iterable yields it says nothing.
          epochs: the number of the last epoch.
          verbose: 0 silent, 1 or "auto" progress bar, 2 one line per epoch.
          callbacks: a list of callbacks.
          validation_split: fraction of the data, the last part, to validate on; its sample weights
            go with it, class weights do not.
          validation_data: `(x, y)`, `(x, y, sample_weight)` or an iterable of batches.
          shuffle: whether arrays, and the batches of a `PyDataset`, are visited in a new order each
            epoch (a function of seed and epoch).
          class_weight: weight of each class id in the loss, for a model with one output; missing
            ones weigh 1. "balanced": each class weighs the same over all of `y`, split or not.
          sample_weight: weight of each example in the loss; a list or dict of arrays for several
            outputs, or one array for all.
          initial_epoch: the number of the first epoch, from 0.
          steps_per_epoch: batches in an epoch, when not all of them; the next epoch goes on where
            this one ended, until a pass over the data is complete: arrays and iterables alike. The
            last epoch of a pass may be shorter, with a warning.
          validation_steps: batches in a validation, when not all of them: always the first ones;
            of a generator those that come next.
          validation_batch_size: the validation's batch size; `batch_size` when left out.
          validation_freq: validate after every so many epochs, or after the epochs listed (from 1).
          resume_from: a run to go on with: a checkpoint's file or folder, or what `snapshot` gave.
            The model, the data and the other arguments have to be those of that run, which then
            ends as if it had not been interrupted, also in the middle of an epoch.
          fast_dev_run: True or a number of batches for a rehearsal: one epoch of so many batches,
            and a validation of as many, to see that everything runs. The model is as it was
            afterwards, and callbacks that write files or send logs are left out; a line says so.
          overfit_batches: train every epoch on the same first so many batches, in their order, and
            validate on them, whatever validation data there are: a model that cannot learn these
            by heart has a fault.

        Returns:
          A `History`. After Ctrl-C it holds the completed epochs, and the model is usable as it
          stands. After SIGTERM the step under way is finished, callbacks save, and the process
          ends.

        Raises:
          TypeError, ValueError: before training starts, when arguments, data, model and loss do
            not go together, or the run to go on with is another model's.
          FileNotFoundError: there is no such checkpoint.
        """
        parts = self._trainer_parts
        compiled = parts.need_compilation("fit")
        check_positive("fit", batch_size=batch_size, steps_per_epoch=steps_per_epoch)
        check_positive("fit", validation_steps=validation_steps)
        check_positive("fit", validation_batch_size=validation_batch_size)
        check_not_negative("fit", epochs=epochs, initial_epoch=initial_epoch)
        dev = short_runs.checked(fast_dev_run, overfit_batches, steps_per_epoch, resume_from)
        before = Unchanged(parts) if dev else None
        epochs, steps_per_epoch = limited_epochs(epochs), limited_steps(steps_per_epoch)
        taken = None if resume_from is None else resume.read_snapshot(resume_from)
        callbacks, writers = parts.callbacks_here(callbacks), list[Any]()
        if dev:
            callbacks, writers = short_runs.without_writers(callbacks)
            epochs, validation_freq = initial_epoch + 1, 1
            limits = (steps_per_epoch, validation_steps)
            steps_per_epoch, validation_steps = (short_runs.least(dev, n) for n in limits)
        shuffle = shuffle and not overfit_batches
        finite = compiled.refuses_nans("fit") and not CallbackList(callbacks).handles_nans
        given, kept = (x, y, sample_weight, class_weight), (validation_data, validation_split)
        sizes = (batch_size, validation_batch_size or batch_size)
        data, held_out = loaded(parts, given, kept, finite=finite, shuffle=shuffle, sizes=sizes)
        data_arguments.warn_of_batch_size(batch_size, data)
        if overfit_batches:
            data, held_out = short_runs.first_batches(data, overfit_batches, batch_size)
            steps_per_epoch = validation_steps = None
        data, _, plan_fn, size = parts.prepare("fit", data, batch_size, kind="train")
        with explained(parts, "fit", batch_size):
            data = parts.place("fit", data)
        validation = prepared_validation(parts, held_out, sizes[1], validation_steps)
        if isinstance(data, Stream):
            data.continues_pass = steps_per_epoch is not None
        steps = data_arguments.steps_of(data, size, steps_per_epoch)
        streams = [part for part in (data, validation.data) if isinstance(part, Stream)]
        if before is not None:
            before.count_back(streams)
            steps_per_epoch = steps
        listed = CallbackList(
            callbacks, add_history=True, model=self, verbose=verbose, epochs=epochs, steps=steps
        )
        history = listed.history
        assert history is not None, "it was added"
        call = Call(listed, verbose, steps_per_epoch, steps, compiled.steps_per_execution)
        call.fix_dispatches(check_nans=compiled.check_nans, team=parts.team)
        run = Run(
            listed,
            facts=resume.facts_of(data, size, steps_per_epoch, shuffle),
            first=initial_epoch,
            begun=[stream.begun for stream in streams],
            validates_fn=functools.partial(validates, held_out is not None, validation_freq),
        )
        training = Training(data, plan_fn, size, shuffle)
        with before or contextlib.nullcontext(), Interrupt() as call.interrupt, parts.mode():
            with parts.running(run, data), explained(parts, "fit", size, call.close):
                fit(parts, training, validation, epochs, call, taken)
        if call.was_interrupted:
            short_runs.tell_interruption(history, is_rehearsal=bool(dev), team=call.team)
            call.interrupt.pass_on()
        elif dev and call.team.is_first:
            short_runs.tell_rehearsal(steps, held_out is not None, history, writers, verbose)
        return history

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
    ) -> Any:
        """The loss and the metrics on data, without training.

        Args:
          x, y, batch_size, verbose, sample_weight, callbacks: as for `fit`.
          steps: batches to look at, when not all of them.
          return_dict: a dict of names and values instead of a list.

        Returns:
          `[loss, *metrics]` in the order given to `compile`; the loss alone when there are no
          metrics. For several outputs in the order of `metrics_names`.
        """
        parts = self._trainer_parts
        compiled = parts.need_compilation("evaluate")
        finite = compiled.refuses_nans("evaluate")
        check_positive("evaluate", batch_size=batch_size, steps=steps)
        steps = limited_steps(steps)
        options = parts.loading(batch_size)
        given = data_arguments.load("evaluate", x, y, sample_weight, finite=finite, **options)
        data, plan, _, size = parts.prepare("evaluate", given, batch_size, kind="evaluate")
        with explained(parts, "evaluate", size):
            data = parts.place("evaluate", data)
        known = data_arguments.steps_of(data, size, steps)
        heard = parts.callbacks_here(callbacks)
        listed = CallbackList(heard, model=self, verbose=verbose, epochs=1, steps=known)
        call = Call(listed, verbose, steps, known, compiled.steps_per_execution)
        call.team = parts.team
        with parts.mode(), explained(parts, "evaluate", size, call.close):
            logs = evaluate(parts, plan, data, size, call)
        return plan.in_order(logs, return_dict)

    @named_arguments
    def predict(
        self,
        x: Examples,
        batch_size: int | None = None,
        verbose: int | str = "auto",
        steps: int | None = None,
        callbacks: Callback | Iterable[Any] | None = None,
    ) -> Any:
        """The model's outputs for data.

        Args:
          x: as for `fit`.
          batch_size: examples at a time, 32 when left out.
          verbose, steps, callbacks: as for `evaluate`.

        Returns:
          A NumPy array `[examples, …]`, or the structure of arrays that the model returns.
        """
        parts, state = self._trainer_parts, self._trainer_parts.state
        parts.steps.check_predicts("predict", state)
        check_positive("predict", batch_size=batch_size, steps=steps)
        steps = limited_steps(steps)
        given = data_arguments.load("predict", x, finite=False, **parts.loading(batch_size))
        with parts.mode():
            warn_of_random_weights(state)
        data, plan, _, size = parts.prepare("predict", given, batch_size, kind="predict")
        known = data_arguments.steps_of(data, size, steps)
        heard = parts.callbacks_here(callbacks)
        listed = CallbackList(heard, model=self, verbose=verbose, epochs=1, steps=known)
        compiled = parts.compilation
        per_execution = None if compiled is None else compiled.steps_per_execution
        call = Call(listed, verbose, steps, known, per_execution)
        call.team = parts.team
        with parts.mode(), explained(parts, "predict", size, call.close):
            return predict(parts, plan, data, size, call)

    # -- calls

    @api_boundary
    def __call__(self, *inputs: Any, training: bool | None = None, **options: Any) -> Any:
        """The outputs for arrays, as JAX arrays; with `training=True` as in a step, dropout on.

        Called on what `Input` or layers returned, the model becomes a layer of a graph, which
        shares its weights; `training=` and `mask=` are then those of a layer's call.
        """
        parts = self._trainer_parts
        if has_symbols(inputs, options):
            kwargs = options if training is None else {**options, "training": training}
            outputs = parts.state.as_layer()(*inputs, **kwargs)
            args = jax.tree.leaves(outputs)[0].node.args
            net = parts.state.net
            args = net.entrances(args) if getattr(net, "takes_words", False) else args
            parts.state.called_on = tuple(args)
            return outputs
        return call_model(self, parts, inputs, training, options)
