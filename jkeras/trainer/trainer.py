"""The Trainer: the one object that changes. It holds a description and its current values.

    trainer = Trainer(net)
    trainer.compile(optimizer="adam", loss="mse", metrics=["mae"])
    history = trainer.fit(x, y, epochs=5, validation_data=(x_val, y_val))
    trainer.evaluate(x_test, y_test); trainer.predict(x_test)

What it does is done by the pure functions of `jkeras.training`, dispatched by `engine`; what it
knows is its description (`net`), its compilation, and its values (`train_state`).
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import warnings
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import jax

from jkeras import optimizers
from jkeras.callbacks import CallbackList, History
from jkeras.core import trees
from jkeras.core.errors import named_arguments
from jkeras.data.streams import Stream
from jkeras.display import epoch_header
from jkeras.trainer.compiling.pace import Interrupt
from jkeras.trainer.compiling.programs import begin_epoch, end_epoch
from jkeras.trainer.loop import dispatch as engine
from jkeras.trainer.loop import error_notes as faults
from jkeras.trainer.loop import nan_watch
from jkeras.trainer.loop import resume as resuming
from jkeras.trainer.loop.evaluate import Judging
from jkeras.trainer.loop.phase import LogValues, Phase
from jkeras.trainer.loop.resume import Run
from jkeras.trainer.preflight import data_arguments as inputs
from jkeras.trainer.preflight.data_arguments import Data
from jkeras.trainer.reports.progress import Progress


class Trainer(Judging):
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

    Attributes:
      stop_training: a callback sets it to end training after the current epoch, or in a batch hook
        after the current batch.
      initial_epoch: the first epoch of the run; a callback that restores an earlier run sets it in
        `on_train_begin` to pass over the epochs that were trained then.
    """

    @named_arguments
    def __init__(
        self,
        net: Any = None,
        *,
        seed: int | None = None,
        name: str | None = None,
        train_step: Callable[..., Any] | None = None,
        init: Callable[..., Any] | None = None,
        eval_step: Callable[..., Any] | None = None,
        predict_step: Callable[..., Any] | None = None,
    ) -> None:
        super().__init__(
            net,
            seed=seed,
            name=name,
            train_step=train_step,
            init=init,
            eval_step=eval_step,
            predict_step=predict_step,
        )
        self.initial_epoch = 0

    # -- fit

    @named_arguments
    def fit(
        self,
        x: Any = None,
        y: Any = None,
        batch_size: int | None = None,
        epochs: int = 1,
        verbose: int | str = "auto",
        callbacks: Any = None,
        validation_split: float = 0.0,
        validation_data: Any = None,
        shuffle: bool = True,
        class_weight: dict[int, float] | None = None,
        sample_weight: Any = None,
        initial_epoch: int = 0,
        steps_per_epoch: int | None = None,
        validation_steps: int | None = None,
        validation_batch_size: int | None = None,
        validation_freq: int | Sequence[int] = 1,
        resume_from: Any = None,
    ) -> History:
        """Trains the model.

        Args:
          x: an array, a list, tuple or dict of arrays, or an iterable of batches `(x, y)` or
            `(x, y, sample_weight)`.
          y: targets; a list, tuple or dict of them for several outputs; None when `x` is an
            iterable.
          batch_size: examples per update, 32 when left out. The last batch may be smaller.
          epochs: the number of the last epoch.
          verbose: 0 silent, 1 or "auto" progress bar, 2 one line per epoch.
          callbacks: a list of callbacks.
          validation_split: fraction of the data, the last part, to validate on; its sample weights
            go with it, class weights do not.
          validation_data: `(x, y)`, `(x, y, sample_weight)` or an iterable of batches.
          shuffle: whether arrays are visited in a new order each epoch (a function of seed and
            epoch).
          class_weight: weight of each class id in the loss, for a model with one output; missing
            ones weigh 1.
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

        Returns:
          A `History`. After Ctrl-C it holds the completed epochs, and the model is usable as it
          stands. After SIGTERM the step under way is finished, callbacks save, and the process
          ends.

        Raises:
          TypeError, ValueError: before training starts, when arguments, data, model and loss do
            not go together, or the run to go on with is another model's.
          FileNotFoundError: there is no such checkpoint.
        """
        compiled = self._need_compilation("fit")
        inputs.check_positive(
            "fit",
            batch_size=batch_size,
            steps_per_epoch=steps_per_epoch,
            validation_steps=validation_steps,
            validation_batch_size=validation_batch_size,
        )
        inputs.check_not_negative("fit", epochs=epochs, initial_epoch=initial_epoch)
        taken = None if resume_from is None else resuming.found(resume_from)
        finite = compiled.refuses_nans("fit")
        data = inputs.load("fit", x, y, sample_weight, class_weight, finite=finite)
        finite = compiled.refuses_nans("fit: `validation_data`")
        data, held_out = inputs.validation(
            data, validation_data, validation_split, class_weight, finite=finite
        )
        inputs.warn_of_batch_size(batch_size, data)
        data = self._prepared("fit", data, batch_size)
        if held_out is not None:
            held_out = self._prepared("fit: `validation_data`", held_out, batch_size)
        if isinstance(data, Stream):
            data.goes_on = steps_per_epoch is not None
        size, steps = inputs.sizes(data, batch_size, steps_per_epoch)
        listed = CallbackList(
            callbacks, add_history=True, model=self, verbose=verbose, epochs=epochs, steps=steps
        )
        history = listed.history
        assert history is not None
        single = listed.watches_batches("train") or compiled.check_nans
        fixed = 1 if single else compiled.steps_per_execution
        options = Phase(listed, verbose, fixed, steps, steps_per_epoch)
        val_size = validation_batch_size or batch_size or 32  # a stream has no size of its own
        validation = (held_out, val_size, validation_steps)
        facts = resuming.facts_of(data, size, steps_per_epoch, shuffle)
        begun = resuming.begun_of(data, held_out)
        run = Run(listed, facts, first=initial_epoch, begun=begun)
        if held_out is not None:
            run.validates_fn = functools.partial(_is_due, frequency=validation_freq)
        told = faults.explained(self, "fit", size, options.close)
        with Interrupt() as options.interrupt, self._mode(), self._running(run), told:
            try:
                self._fit(data, size, shuffle, epochs, validation, options, taken)
            finally:
                if isinstance(data, Stream):
                    data.close()  # in the middle of a pass, perhaps
        if options.interrupted():
            history.interrupted = True
            print("\nInterrupted: training stopped. The model keeps what it has learned so far.")
            options.interrupt.pass_on()
        return history

    @contextlib.contextmanager
    def _running(self, run: Run) -> Iterator[None]:
        """While it is entered, `snapshot` knows where the run stands."""
        around, self._run = self._run, run
        try:
            yield
        finally:
            self._run = around  # that of a `fit` one of whose callbacks has called this one
            run.callbacks.leave()

    def snapshot(self) -> dict[str, Any]:
        """Everything that this trainer is, and in `fit` the run it is in, in plain containers,
        numbers and NumPy arrays: for `fit(resume_from=)`.

        In `fit` callbacks ask for it where everything stands still, in `on_pause` and
        `on_boundary`.

        Raises:
          ValueError: the model is not built.
        """
        return resuming.snapshot(self)

    def _fit(
        self,
        data: Any,
        batch_size: int,
        shuffle: bool,
        end: int,
        validation: tuple[Any, int, int | None],
        options: Phase,
        taken: resuming.Snapshot | None,
    ) -> None:
        """The epochs, with everything checked and laid out."""
        run, call = self._run, options.callbacks.call
        assert run is not None, "fit has made it"
        held_out, val_size, val_steps = validation
        silent = dataclasses.replace(options, verbose=0, limit=val_steps)
        logs: LogValues = {}
        self.stop_training, self.initial_epoch = False, run.first
        call("on_train_begin", {})
        taken = resuming.go_on(self, taken, data, held_out, (options.limit, val_steps))
        while run.epoch < end and not run.stops:
            epoch = run.epoch
            if isinstance(data, Stream) and not run.batch and data.begin_epoch() is None:
                _warn_of_end(epoch)
                break
            start = _start(data, epoch - run.first, batch_size, options.limit)
            call("on_epoch_begin", epoch, {})
            if taken is not None:  # in the middle of this epoch, behind its beginning
                resuming.put_back(self, taken)
                taken = None
            bar = options.bar(epoch_header(epoch + 1, end) if end > 1 else "")
            logs = self._epoch(data, batch_size, shuffle, start, options, bar)
            if options.interrupted():
                break
            if run.validates_fn(epoch):
                found = self._evaluation(held_out, val_size, silent)
                logs |= {f"val_{name}": value for name, value in found.items()}
                if options.interrupted():
                    break  # the values of half a validation are no result
            self._values = end_epoch(self._need_values())
            run.next_epoch()
            logs = dict(sorted(logs.items()))
            bar.finish(logs)
            call("on_epoch_end", epoch, logs)
            run.stops = self.stop_training
            options.callbacks.pause("epoch")
            if options.interrupted():
                break
        if options.interrupted():
            options.callbacks.pause("interrupt")
        self._keep_averages()
        call("on_train_end", logs)

    def _keep_averages(self) -> None:
        """At the end of training, the averages of an optimizer with `use_ema` are the weights."""
        if self._steps is not None:
            return  # what an own step keeps in `opt_state` is its own
        values = self._need_values()
        averages = optimizers.final_params(values.params, values.opt_state)
        pairs = zip(jax.tree.leaves(averages), jax.tree.leaves(values.params), strict=True)
        if any(average is not param for average, param in pairs):
            # A copy: the next step donates weights and averages, which must be two buffers.
            self._values = values.replace(params=trees.copy(averages))

    def _epoch(
        self,
        data: Data,
        batch_size: int,
        shuffle: bool,
        start: int,
        options: Phase,
        bar: Progress,
    ) -> LogValues:
        """One epoch, from batch `start` of the data on; returns the logs at its end."""
        programs, watched = self._programs(), options.callbacks.watches_batches("train")
        run, begun = self._run, self._carry()
        assert run is not None, "fit has made it"
        if not run.batch:
            self._values = begun = begin_epoch(begun, programs.zeros(), start)

        def carry(step: int) -> Any:
            options.batch_hook("train", "begin", step, {})
            return self._carry()

        pace = options.begin(programs.pace("train", batch_size), bar)
        feeds = engine.train_feeds(
            programs,
            begun,
            data,
            size=batch_size,
            shuffle=shuffle,
            start=start,
            limit=options.limit,
            pace=pace,
            fixed=options.fixed,
            watched=watched,
        )
        chunks = engine.train(
            programs,
            carry,
            feeds,
            start=start,
            position=int(begun.position),
            pace=pace,
            room_fn=run.room,
            checks=self._need_compilation("fit").check_nans,
        )
        logs = self._follow("train", chunks, pace, options, bar)
        nan_watch.tell_of_skipped("fit", self._need_values(), start)
        return logs


def _start(data: Data, number: int, batch_size: int, limit: int | None) -> int:
    """The first batch of the run's epoch `number`; warns when its steps go past the data's end."""
    if isinstance(data, Stream) or limit is None:
        return 0
    total = data.steps(batch_size)
    start = engine.start_of_epoch(number, total, limit)
    if start + limit > total:
        warnings.warn(
            f"fit: the data ends after {total - start} of the {limit} steps of this epoch; the "
            "next epoch begins at its start again. Choose `steps_per_epoch` so that it divides "
            f"the {total} batches.",
            stacklevel=5,
        )
    return start


def _is_due(epoch: int, frequency: int | Sequence[int]) -> bool:
    if isinstance(frequency, int):
        return (epoch + 1) % frequency == 0
    return epoch + 1 in frequency


def _warn_of_end(epoch: int) -> None:
    warnings.warn(
        f"fit: the data ended before epoch {epoch + 1}: a generator is read once. "
        "Pass an iterable that starts again, or one that yields steps_per_epoch * epochs batches.",
        stacklevel=5,
    )
