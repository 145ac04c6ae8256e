"""Wrong uses of populations with their messages; files; cross-validation; exploit and explore."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import datasets
import numpy as np
import pytest

import jkeras
from jkeras import layers
from jkeras.population import ExploitExplore
from jkeras.population.exploit_explore import Exploit
from tests.population.models import COUNT, X, Y, assert_same_weights, dense

WHO = "Population 'population'"


def plain() -> jkeras.Sequential:
    return jkeras.Sequential([jkeras.Input((6,)), layers.Dense(1)], seed=0)


def compiled(**options: Any) -> jkeras.Population:
    made = jkeras.Population(plain(), 2, seeds=[0, 1], engine="map", **options)
    made.compile("sgd", "mse")
    return made


def fitted() -> Any:
    members = compiled()
    members.fit(X, Y, verbose=0)
    return members


def scores() -> Any:
    model = plain()
    model.compile("sgd", "mse")
    return jkeras.cross_validate(model, X, Y, folds=2)


def own_steps() -> jkeras.Trainer:
    return jkeras.Trainer(plain().net, train_step=lambda state, batch: (state, {}))


WRONG: dict[str, tuple[Callable[[], Any], type[Exception], str]] = {
    "no_model": (
        lambda: jkeras.Population("dense", 2),
        TypeError,
        f"{WHO}: `model`: expected a model, or a function without arguments that returns one, got "
        "'dense' (str).",
    ),
    "function_of_no_model": (
        lambda: jkeras.Population(lambda: 3, 2),
        TypeError,
        f"{WHO}: `model`: expected a model, or a function without arguments that returns one, got "
        "a function that returned 3 (int).",
    ),
    "own_steps": (
        lambda: jkeras.Population(own_steps(), 2),
        TypeError,
        f"{WHO}: `model`: expected a model that is trained by a loss and an optimizer, got Trainer "
        "'sequential' with a `train_step` or with metrics of its own. Make members of pure "
        "functions with jax.vmap(train_step).",
    ),
    "no_size": (
        lambda: jkeras.Population(plain()),
        ValueError,
        f"{WHO}: `size`: expected a number of members, or lists that tell it, got neither. Write "
        "Population(model, size=8), or learning_rate=[...].",
    ),
    "size_of_zero": (
        lambda: jkeras.Population(plain(), 0),
        ValueError,
        f"{WHO}: `size`: expected at least 1, got 0.",
    ),
    "lists_of_two_lengths": (
        lambda: jkeras.Population(plain(), 3, seeds=[1, 2, 3], learning_rate=[0.1, 0.2]),
        ValueError,
        f"{WHO}: `size`: expected lists of one length, got size: 3, learning_rate: 2, seeds: 3. "
        "Give each list one entry for each member.",
    ),
    "misspelt_hyperparameter": (
        lambda: jkeras.Population(plain(), 2, learning_rates=[0.1, 0.2]),
        TypeError,
        "Population: unexpected argument `learning_rates`. Did you mean 'learning_rate'? "
        "Arguments: model, size, seeds, weights, engine, chunk, name, learning_rate, momentum, "
        "weight_decay, dropout, label_smoothing, loss_weights.",
    ),
    "hyperparameter_of_words": (
        lambda: jkeras.Population(plain(), learning_rate=["fast", "slow"]),
        TypeError,
        f"{WHO}: `learning_rate`: expected a list with a number for each member, got "
        "['fast', 'slow'] (list).",
    ),
    "rate_below_zero": (
        lambda: jkeras.Population(plain(), learning_rate=[0.1, -0.1]),
        ValueError,
        f"{WHO}: `learning_rate`: expected numbers of at least 0, got [0.1, -0.1] (list).",
    ),
    "dropout_of_one": (
        lambda: jkeras.Population(dense(), dropout=[0.5, 1.0]),
        ValueError,
        f"{WHO}: `dropout`: expected numbers in [0, 1), got [0.5, 1.0] (list).",
    ),
    "no_dropout": (
        lambda: jkeras.Population(plain(), dropout=[0.1, 0.2]),
        ValueError,
        f"{WHO}: `dropout`: expected a model with a Dropout layer, got one without. Put "
        "Dropout(0.5) where activations shall be dropped; its rate is replaced.",
    ),
    "dropout_of_no_layer": (
        lambda: jkeras.Population(dense(), dropout={"dropuot": [0.1, 0.2]}),
        ValueError,
        f"{WHO}: `dropout`: no layer with dropout is named 'dropuot'. Did you mean 'dropout'? "
        "Layers: dropout.",
    ),
    "no_seed": (
        lambda: jkeras.Population(plain(), seeds=[0, -1]),
        ValueError,
        f"{WHO}: `seed`: expected 0 to 2**32 - 1, got -1.",
    ),
    "no_engine": (
        lambda: jkeras.Population(plain(), 2, engine="vmpa"),
        ValueError,
        f"{WHO}: `engine`: expected one of ['auto', 'map', 'vmap'], got 'vmpa'. Did you mean "
        "'vmap'?",
    ),
    "chunk_beside_map": (
        lambda: jkeras.Population(plain(), 2, engine="map", chunk=2),
        ValueError,
        f"{WHO}: `chunk`: expected None beside engine='map', which runs one member at a time, got "
        "2.",
    ),
    "weights_of_nobody": (
        lambda: jkeras.Population(plain(), 2, weights="modle"),
        ValueError,
        f"{WHO}: `weights`: expected 'fresh' or 'model', got 'modle'. Did you mean 'model'?",
    ),
    "fit_before_compile": (
        lambda: jkeras.Population(plain(), 2).fit(X, Y),
        ValueError,
        "Population 'population': `fit` needs a compiled model. Call compile(optimizer='adam', "
        "loss='mse') first.",
    ),
    "no_momentum": (
        lambda: jkeras.Population(plain(), momentum=[0.1, 0.2]).compile("adam", "mse"),
        ValueError,
        f"{WHO}: `momentum`: expected an optimizer of jkeras.optimizers with a `momentum`, got "
        "Adam.",
    ),
    "rates_beside_a_schedule": (
        lambda: jkeras.Population(plain(), learning_rate=[0.1, 0.2]).compile(
            jkeras.optimizers.SGD(jkeras.optimizers.schedules.CosineDecay(0.1, 10)), "mse"
        ),
        ValueError,
        f"{WHO}: `learning_rate`: expected an optimizer with a number, got one with a schedule, "
        "which sets the rate at every step.",
    ),
    "no_smoothing": (
        lambda: jkeras.Population(plain(), label_smoothing=[0.1, 0.2]).compile("sgd", "mse"),
        ValueError,
        f"{WHO}: `label_smoothing`: expected a loss with label smoothing, such as "
        "'categorical_crossentropy', got mse.",
    ),
    "eager": (
        lambda: jkeras.Population(plain(), 2).compile("sgd", "mse", run_eagerly=True),
        ValueError,
        f"{WHO}: compile: `run_eagerly`: expected False, because members run in one program. Debug "
        "one: member(0), got True.",
    ),
    "weights_of_other_examples": (
        lambda: compiled().fit(X, Y, member_weight=np.ones((2, 3))),
        ValueError,
        "fit: `member_weight`: expected an array [members, examples], (2, 44), got an array of "
        "shape (2, 3) and dtype float64.",
    ),
    "callback_of_one_model": (
        lambda: compiled().fit(X, Y, callbacks=[jkeras.callbacks.TerminateOnNaN()]),
        ValueError,
        "fit: `callbacks`: expected callbacks that know populations, got TerminateOnNaN, which "
        "watches one model. Write a Callback, whose `model` is the population and whose logs have "
        "a list for each value, or use it with a member: population.member(0).fit(...).",
    ),
    "rows_beyond_the_end": (
        lambda: compiled().fit(X, Y, member_rows=[[0, 1], [2, 44]]),
        ValueError,
        "fit: `member_rows`: expected numbers from 0 to 43, or a mask of 44, for each member, got "
        "an array of shape (2,) and dtype int64 for member 1.",
    ),
    "rows_of_other_members": (
        lambda: compiled().fit(X, Y, member_rows=[[0, 1]]),
        ValueError,
        "fit: `member_rows`: expected a list of numbers for each of the 2 members, got 1 lists.",
    ),
    "no_such_member": (
        lambda: compiled().member(2),
        IndexError,
        f"{WHO}: member: expected 0 to 1, got 2.",
    ),
    "best_before_fit": (
        lambda: compiled().best(),
        ValueError,
        f"{WHO}: there are no values of members yet. Call fit first.",
    ),
    "other_hyperparameter": (
        lambda: compiled().set_hyperparameters(momentum=0.5),
        ValueError,
        f"{WHO}: `momentum`: expected a hyper-parameter that the population was made with, []. "
        "Make it with momentum=[...].",
    ),
    "ending_of_a_file": (
        lambda: compiled().save("members.keras"),
        ValueError,
        "save: `filepath`: expected a name that ends with '.population', got 'members.keras'. Use "
        "'members.population'; a member goes into a '.keras' file.",
    ),
    "exploit_of_one_model": (
        lambda: ExploitExplore("loss").set_model(plain()),
        TypeError,
        "ExploitExplore: expected a Population, got <Sequential 'sequential': ",
    ),
    "an_exchange_of_a_fraction_in_words": (
        lambda: ExploitExplore(fraction="half"),  # type: ignore[arg-type]
        ValueError,
        "ExploitExplore: `fraction`: expected a number in (0, 0.5], got 'half' (str).",
    ),
    "an_exchange_with_one_factor": (
        lambda: ExploitExplore(factors=2.0),  # type: ignore[arg-type]
        ValueError,
        "ExploitExplore: `factors`: expected numbers above 0, got 2.0 (float).",
    ),
    "an_exchange_of_one_name": (
        lambda: ExploitExplore(names="dropout"),
        TypeError,
        "ExploitExplore: `names`: expected a list of names, such as ['learning_rate'], got "
        "'dropout' (str).",
    ),
    "an_exchange_of_an_unknown_name": (
        lambda: ExploitExplore(names=["learning_rat"]).set_model(compiled(learning_rate=[0.1, 1])),
        ValueError,
        "ExploitExplore: `names`: expected hyper-parameters that the population was made with, "
        "['learning_rate'], got 'learning_rat'. Did you mean 'learning_rate'?",
    ),
    "an_exchange_with_a_seed_in_a_word": (
        lambda: ExploitExplore(seed="a"),  # type: ignore[arg-type]
        TypeError,
        "ExploitExplore: `seed`: expected an integer, got 'a' (str).",
    ),
    "folds_with_another_size": (
        lambda: jkeras.cross_validate(plain(), X, Y, folds=2, population={"size": 3}),
        TypeError,
        "cross_validate: `population`: expected a dict of arguments of Population, without `model` "
        "and `size`, which are those of the folds, got {'size': 3} (dict).",
    ),
    "folds_without_their_name": (
        lambda: jkeras.cross_validate(plain(), X, Y, 5),  # type: ignore[misc]
        TypeError,
        "cross_validate: expected at most 3 without their names, got 4. Write "
        "cross_validate(model, x, y, folds=...).",
    ),
    "one_rate_in_a_word": (
        lambda: jkeras.Population(plain(), learning_rate="0.1"),
        TypeError,
        f"{WHO}: `learning_rate`: expected a list with a number for each member, got '0.1' (str).",
    ),
    "seeds_in_a_word": (
        lambda: jkeras.Population(plain(), 2, seeds="ab"),  # type: ignore[arg-type]
        TypeError,
        f"{WHO}: `seeds`: expected an integer, or one for each member, got 'ab' (str).",
    ),
    "a_function_with_arguments": (
        lambda: jkeras.Population(lambda units: plain(), 2),
        TypeError,
        f"{WHO}: `model`: expected a function without arguments that returns a model, got one with "
        "others (missing a required argument: 'units'). What differs by member is an argument of "
        "the population: learning_rate=[...]. The architecture is one for all.",
    ),
    "prediction_without_compile": (
        lambda: jkeras.Population(plain(), 2).predict(X),
        ValueError,
        f"{WHO}: expected a compiled population, because members have an optimizer, got one "
        "without. Call compile(optimizer='adam', loss='mse') first.",
    ),
    "what_a_model_has": (
        lambda: compiled().summary(),
        AttributeError,
        "'Population' object has no attribute 'summary'. A member has one: "
        "population.member(0).summary.",
    ),
    "a_misspelt_attribute": (
        lambda: compiled().rankin(),
        AttributeError,
        "'Population' object has no attribute 'rankin'. Did you mean 'ranking'?",
    ),
    "another_mode": (
        lambda: fitted().best("loss", "minimum"),
        ValueError,
        f"{WHO}: `mode`: expected 'min', 'max' or 'auto', got 'minimum'.",
    ),
    "a_parent_that_is_none": (
        lambda: compiled().copy_members({7: 1}),
        IndexError,
        f"{WHO}: member: expected 0 to 1, got 7.",
    ),
    "parents_in_a_list": (
        lambda: compiled().copy_members([0, 1]),  # type: ignore[arg-type]
        TypeError,
        f"{WHO}: copy_members: `parents`: expected a dict from a member to the one it becomes "
        "equal to, such as {3: 0}, got [0, 1] (list).",
    ),
    "stop_of_no_member": (
        lambda: compiled().stop([9]),
        IndexError,
        f"{WHO}: member: expected 0 to 1, got 9.",
    ),
    "curves_of_all_members": (
        lambda: fitted().history.plot(),
        ValueError,
        "History.plot: expected one number an epoch, got a list, with one for each member of a "
        "population. Draw a member: population.member(0).history.plot().",
    ),
    "folds_by_the_name_of_scikit_learn": (
        lambda: jkeras.cross_validate(plain(), X, Y, cv=5),
        TypeError,
        "cross_validate: unexpected argument `cv`. Did you mean 'folds'? Arguments: ",
    ),
    "another_score": (
        lambda: scores().mean("val_loss"),
        ValueError,
        "CrossValidation: `metric`: expected one of the scores, ['loss'], got 'val_loss'. Did you "
        "mean 'loss'?",
    ),
    "a_population_as_a_model": (
        lambda: jkeras.saving.load_model("all.population"),
        ValueError,
        "load: `filepath`: expected a name that ends with '.keras', got 'all.population'. "
        "jkeras.Population.load reads a population.",
    ),
    "one_fold": (
        lambda: jkeras.cross_validate(plain(), X, Y, folds=1),
        ValueError,
        "cross_validate: `folds`: expected 2 to 44, the examples, got 1.",
    ),
    "folds_of_an_uncompiled_model": (
        lambda: jkeras.cross_validate(plain(), X, Y, folds=2),
        ValueError,
        "cross_validate: `model`: expected a compiled model, got one that is not. Call "
        "model.compile(optimizer='adam', loss='mse') first.",
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_wrong_use(name: str) -> None:
    use, kind, message = WRONG[name]
    with pytest.raises(kind) as caught:
        use()
    got = str(caught.value)
    assert got == message or (message.endswith(": ") and got.startswith(message)), got


def test_a_splitter_divides_the_examples() -> None:
    """An object with scikit-learn's `split`, and what is printed of the scores."""

    class Halves:
        def split(self, x: Any, y: Any) -> Any:
            assert len(x) == len(y)
            rows = np.arange(len(x))
            return [(rows[::2], rows[1::2]), (rows[1::2], rows[::2])]

    model = plain()
    model.compile("sgd", "mse")
    found = jkeras.cross_validate(model, X, Y, folds=Halves())
    assert found.folds[0][1].tolist() == list(range(1, 44, 2))
    mean, std = np.mean(found.scores["loss"]), np.std(found.scores["loss"])
    assert repr(found) == f"<CrossValidation: 2 folds, loss {mean:.4g} ± {std:.2g}>"


def test_a_pickle_of_a_population_goes_on() -> None:
    made = jkeras.Population(dense(), 2, seeds=[0, 1], learning_rate=[0.1, 0.01], engine="vmap")
    made.compile("adam", "mse", metrics=["mae"])
    made.fit(X, Y, 16, 1, verbose=0)
    read = pickle.loads(pickle.dumps(made))
    assert read.ranking("loss") == made.ranking("loss")
    for each in (made, read):
        each.fit(X, Y, 16, 1, verbose=0)
    for a, b in zip(made, read, strict=True):
        assert_same_weights(a, b)


def test_members_by_number_and_one_stopped() -> None:
    members = compiled()
    members.stop(1)
    assert members.active.tolist() == [True, False]
    assert_same_weights(members[1], members.member(1))


def test_the_last_values_are_those_of_the_weights_after_an_exchange() -> None:
    made = jkeras.Population(plain(), seeds=range(4), learning_rate=[0.1, 0.05, 0.0, 0.0])
    made.compile("sgd", "mse")
    exchange = ExploitExplore("val_loss", every=1)
    made.fit(X, Y, 8, 2, verbose=0, validation_data=(X, Y), callbacks=[exchange])
    assert exchange.events[-1].epoch == 1
    np.testing.assert_allclose(
        made.evaluate(X, Y, verbose=0), made.last_logs["val_loss"], rtol=1e-5
    )


def test_data_of_single_examples_are_read_in_batches_of_the_given_size() -> None:
    sizes: list[int] = []
    rows = datasets.Dataset.from_dict({"x": X, "label": Y})

    def read(part: Any) -> Any:
        sizes.append(len(part["x"]))
        return {name: [np.asarray(each) for each in column] for name, column in part.items()}

    rows.set_transform(read)
    made, single = compiled(), plain()
    single.compile("sgd", "mse")
    options: dict[str, Any] = {"epochs": 2, "verbose": 0, "shuffle": False}
    found = made.fit(rows, batch_size=8, validation_data=rows, validation_batch_size=4, **options)
    assert set(sizes) <= {1, 8, 4} and {8, 4} <= set(sizes)
    expected = single.fit(X, Y, 8, validation_data=(X, Y), **options).history
    for name, values in expected.items():
        np.testing.assert_allclose([each[0] for each in found.history[name]], values, rtol=1e-5)
    sizes.clear()
    assert made.predict(rows, batch_size=8, verbose=0).mean.shape == (COUNT, 1)
    made.evaluate(rows, batch_size=8, verbose=0)
    assert max(sizes) == 8


def test_an_exchange_that_goes_on_has_its_events_and_choices() -> None:
    first, second = ExploitExplore(seed=3), ExploitExplore()
    first.events = [Exploit(0, 3, 1)]
    first.random.normal()
    second.set_state(first.get_state())
    assert [event.parent for event in second.events] == [1] and second.events == first.events
    assert second.random.normal() == first.random.normal()


def test_best_of_an_unknown_metric() -> None:
    members = compiled()
    members.fit(X, Y, verbose=0)
    with pytest.raises(ValueError, match="'val_loss' is not among the logs: loss"):
        members.best("val_loss")


def test_a_population_in_a_file_goes_on(tmp_path: Path) -> None:
    made = jkeras.Population(
        dense(), seeds=[1, 2], learning_rate=[0.1, 0.01], dropout=[0.1, 0.4], engine="map"
    )
    made.compile("adam", "mse")
    made.fit(X, Y, 16, 1, verbose=0)
    made.save(tmp_path / "two.population")
    with pytest.raises(FileExistsError):
        made.save(tmp_path / "two.population", overwrite=False)
    read = jkeras.Population.load(tmp_path / "two.population")
    assert read.seeds == [1, 2] and read.epochs.tolist() == [1, 1]
    assert read.ranking("loss") == made.ranking("loss")
    assert read.history is not None and read.history.history == made.history.history
    assert read.member(1).history.history == made.member(1).history.history
    np.testing.assert_allclose(read.hyperparameters["dropout"], [0.1, 0.4], rtol=1e-6)
    for each in (made, read):
        each.fit(X, Y, 16, 1, verbose=0)
    for a, b in zip(made, read, strict=True):
        assert_same_weights(a, b)


def test_folds_are_runs_on_parts_of_the_data() -> None:
    model = plain()
    model.compile("sgd", "mse", metrics=["mae"])
    found = jkeras.cross_validate(
        model, X, Y, folds=3, seed=4, epochs=2, batch_size=8, population={"engine": "vmap"}
    )
    assert [len(held) for _, held in found.folds] == [15, 15, 14]
    outputs = found.predict(X)
    for number, (train, held) in enumerate(found.folds):
        assert sorted([*train, *held]) == list(range(44))
        single = jkeras.Sequential([jkeras.Input((6,)), layers.Dense(1)], seed=4)
        single.compile("sgd", "mse", metrics=["mae"])
        expected = single.fit(
            X[train], Y[train], 8, 2, verbose=0, validation_data=(X[held], Y[held])
        ).history
        member = found.population.member(number)
        assert_same_weights(member, single)
        assert found.scores["mae"][number] == pytest.approx(expected["val_mae"][-1], rel=1e-5)
        assert member.history.history["val_loss"] == pytest.approx(expected["val_loss"], rel=1e-5)
        np.testing.assert_allclose(outputs[held], single.predict(X[held], verbose=0), rtol=1e-4)
    assert found.mean("mae") == pytest.approx(found.scores["mae"].mean())


def test_bad_members_become_like_good_ones() -> None:
    made = jkeras.Population(
        plain(), seeds=range(4), learning_rate=[0.1, 0.05, 0.0, 0.0], engine="map"
    )
    made.compile("sgd", "mse")
    exchange = ExploitExplore("loss", every=2, fraction=0.25, factors=[0.5], seed=1)
    made.fit(X, Y, 8, 3, verbose=0, callbacks=[exchange])
    (event,) = exchange.events
    assert event.epoch == 1 and event.member in (2, 3) and event.parent in (0, 1)
    rates = made.learning_rate
    assert rates[event.member] == pytest.approx(rates[event.parent] / 2)
    losses = np.asarray(made.history.history["loss"])
    assert losses[2, event.member] < 0.7 * losses[1, event.member]
