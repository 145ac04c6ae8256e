"""Data sets of other libraries in `fit`, `evaluate` and `predict`, with the real packages."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import datasets
import grain
import jax.numpy as jnp
import numpy as np
import pytest
from absl import flags

import jkeras
from jkeras.core.named_columns import ModelNames
from jkeras.data.libraries import source_of
from jkeras.data.tfds import prepared
from jkeras.trainer.loop.parts import parts_of

RNG = np.random.default_rng(0)
X = RNG.normal(size=(22, 3)).astype(np.float32)
Z = RNG.normal(size=(22, 2)).astype(np.float32)
Y = (X.sum(1) > 0).astype(np.int32)
PAIRS = list(zip(X, Y, strict=True))


def single(seed: int = 0) -> jkeras.Sequential:
    model = jkeras.Sequential(
        [jkeras.Input((3,)), jkeras.layers.Dense(2, activation="softmax")], seed=seed
    )
    model.compile(jkeras.optimizers.SGD(0.1), "sparse_categorical_crossentropy")
    return model


@pytest.fixture(scope="module")
def model() -> jkeras.Sequential:
    """A model of one input, whose programs exist."""
    return single()


@pytest.fixture(scope="module")
def joined() -> jkeras.Model:
    """A model of two inputs with names."""
    inputs = [jkeras.Input((3,), name="first"), jkeras.Input((2,), name="second")]
    found = jkeras.layers.Concatenate()(inputs)
    model = jkeras.Model(inputs, jkeras.layers.Dense(2, activation="softmax")(found), seed=0)
    model.compile("sgd", "sparse_categorical_crossentropy")
    return model


def batched(pairs: Any = PAIRS) -> grain.MapDataset:
    return grain.MapDataset.source(pairs).batch(8)


def loader(operations: list[Any] | None = None, epochs: int | None = 1) -> grain.DataLoader:
    sampler = grain.samplers.IndexSampler(22, grain.sharding.NoSharding(), num_epochs=epochs)
    operations = [grain.transforms.Batch(8)] if operations is None else operations
    return grain.DataLoader(data_source=PAIRS, sampler=sampler, operations=operations)


class Tensor:
    """What of torch's tensors is used."""

    def __init__(self, array: Any) -> None:
        self._array = np.asarray(array)
        self.shape, self.dtype = self._array.shape, self._array.dtype

    def detach(self) -> Tensor:
        return self

    def cpu(self) -> Tensor:
        return self

    def numpy(self) -> np.ndarray:
        return self._array

    def __len__(self) -> int:
        return len(self._array)


class TorchLoader:
    """A loader like torch's: a length, and batches that `collate` makes of tensors."""

    def __init__(self, collate: Any) -> None:
        self.collate = collate

    def __len__(self) -> int:
        return 3

    def __iter__(self) -> Iterator[Any]:
        for start in range(0, 22, 8):
            part = slice(start, start + 8)
            yield self.collate(Tensor(X[part]), Tensor(Z[part]), Tensor(Y[part]))


GRAIN = {
    "map": batched,
    "iter": lambda: batched().to_iter_dataset(),
    "iter of batches": lambda: grain.MapDataset.source(PAIRS).to_iter_dataset().batch(8),
    "loader": loader,
    "torch": lambda: TorchLoader(lambda x, z, y: [x, y]),
    "rows": lambda: datasets.Dataset.from_dict({"x": X, "label": Y}),
    "row stream": lambda: datasets.Dataset.from_dict({"x": X, "label": Y}).to_iterable_dataset(),
}


@pytest.mark.parametrize("kind", GRAIN)
def test_numbers_are_those_of_arrays(kind: str) -> None:
    expected, got = single(), single()
    arrays = expected.fit(X, Y, batch_size=8, epochs=2, shuffle=False, verbose=0)
    history = got.fit(GRAIN[kind](), batch_size=8, epochs=2, shuffle=False, verbose=0)
    assert history.history == arrays.history
    found = got.evaluate(GRAIN[kind](), batch_size=8, verbose=0)
    assert found == expected.evaluate(X, Y, batch_size=8, verbose=0)
    outputs = got.predict(GRAIN[kind](), batch_size=8, verbose=0)
    np.testing.assert_array_equal(outputs, expected.predict(X, batch_size=8, verbose=0))


def test_a_map_dataset_that_shuffles_has_a_new_order_in_each_epoch(
    model: jkeras.Sequential,
) -> None:
    shuffled = grain.MapDataset.source(PAIRS).shuffle(seed=1).batch(8)
    seen: list[list[float]] = []
    reads = shuffled.map(lambda pair: (seen.append(pair[0][:, 0].tolist()), pair)[1])
    model.fit(reads, epochs=2, verbose=0)
    orders = [shuffled[index][0][:, 0].tolist() for index in range(6)]
    assert sorted(map(tuple, seen)) == sorted(map(tuple, orders))
    assert orders[:3] != orders[3:]


def test_validation_data_keep_their_order_and_steps_are_known(
    model: jkeras.Sequential, capsys: pytest.CaptureFixture[str]
) -> None:
    history = model.fit(batched(), validation_data=batched(), epochs=2, verbose=2)
    assert "3/3" in capsys.readouterr().out
    assert len(history.history["val_loss"]) == 2
    rows = datasets.Dataset.from_dict({"x": X, "label": Y})
    assert len(model.fit(rows, validation_data=rows, verbose=0).history["val_loss"]) == 1


def test_rows_come_in_a_new_order_in_each_epoch() -> None:
    rows = datasets.Dataset.from_dict({"x": X, "label": Y})
    first, second, ordered = (
        single().fit(rows, epochs=2, shuffle=shuffle, verbose=0, batch_size=4).history["loss"]
        for shuffle in (True, True, False)
    )
    assert first == second != ordered


def columns(**more: Any) -> dict[str, Any]:
    return {"first": X, "second": Z, "label": Y, **more}


DICTS = {
    "rows": lambda: datasets.Dataset.from_dict(columns(text=["a"] * 22)),
    "row stream": lambda: datasets.Dataset.from_dict(columns()).to_iterable_dataset(),
    "grain": lambda: grain.MapDataset.source(
        [{"first": x, "second": z, "label": y} for x, z, y in zip(X, Z, Y, strict=True)]
    ).batch(8),
    "torch": lambda: TorchLoader(lambda x, z, y: {"first": x, "second": z, "labels": y}),
}


@pytest.mark.parametrize("kind", DICTS)
def test_columns_go_to_the_inputs_of_their_names(kind: str, joined: jkeras.Model) -> None:
    expected = joined.evaluate({"first": X, "second": Z}, Y, batch_size=8, verbose=0)
    assert joined.evaluate(DICTS[kind](), batch_size=8, verbose=0) == expected
    joined.fit(DICTS[kind](), batch_size=8, verbose=0)
    x = {"first": X, "second": Z}
    outputs = joined.predict(DICTS[kind](), batch_size=8, verbose=0)
    np.testing.assert_array_equal(outputs, joined.predict(x, batch_size=8, verbose=0))


def test_a_model_with_steps_of_its_own_gets_the_dict() -> None:
    seen = []

    class Own(jkeras.Model):
        def __init__(self) -> None:
            super().__init__()
            self.dense = jkeras.layers.Dense(2)

        def call(self, inputs: Any) -> Any:
            return self.dense(inputs["x"])

        def train_step(self, state: Any, data: Any) -> Any:
            seen.append(sorted(data[0]))
            return {"loss": jnp.zeros(())}, state

    model = Own()
    model.compile("sgd")
    model.fit(datasets.Dataset.from_dict({"x": X, "label": Y}), verbose=0)
    assert seen[0] == ["label", "x"]


def test_a_transform_of_the_user_stays() -> None:
    rows = datasets.Dataset.from_dict({"raw": X, "label": Y})
    rows.set_transform(
        lambda part: {"x": [2 * np.asarray(row) for row in part["raw"]], "label": part["label"]}
    )
    expected = single().evaluate(2 * X, Y, verbose=0)
    assert single().evaluate(rows, verbose=0) == pytest.approx(expected, rel=1e-6)


def test_a_stream_of_rows_shuffles_anew_in_each_epoch() -> None:
    rows = datasets.Dataset.from_dict({"x": X, "label": Y}).to_iterable_dataset()
    shuffled = rows.shuffle(seed=1, buffer_size=22)
    one = single().fit(shuffled, epochs=2, batch_size=4, verbose=0).history["loss"]
    again = single().fit(shuffled, epochs=2, batch_size=4, verbose=0).history["loss"]
    same = single().fit(shuffled, epochs=2, batch_size=4, shuffle=False, verbose=0)
    assert one == again and len(same.history["loss"]) == 2


def test_data_sources_of_tensorflow_datasets(brought: Path) -> None:
    builder = prepared("mnist", brought)
    source = builder.as_data_source("train")
    x = np.stack([record["image"] for record in source])
    y = np.array([record["label"] for record in source])
    model = jkeras.Sequential(
        [
            jkeras.Input((28, 28, 1)),
            jkeras.layers.Rescaling(1 / 255),
            jkeras.layers.Flatten(),
            jkeras.layers.Dense(10),
        ],
        seed=0,
    )
    loss = jkeras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(jkeras.optimizers.SGD(1e-5), loss)
    expected = model.evaluate(x, y, batch_size=8, verbose=0)
    assert model.evaluate(source, batch_size=8, verbose=0) == pytest.approx(expected, rel=1e-6)
    model.fit(source, batch_size=8, verbose=0)
    assert model.predict(source, batch_size=8, verbose=0).shape == (23, 10)
    through = grain.MapDataset.source(source).map(lambda r: (r["image"], r["label"])).batch(8)
    model.fit(through, verbose=0)
    splits = builder.as_data_source()
    with pytest.raises(ValueError, match=r"got a dict of the splits .*Pass one of them"):
        model.fit(splits)


WRONG: dict[str, tuple[Any, str]] = {
    "unbatched": (
        lambda: grain.MapDataset.source(PAIRS),
        "`x`: expected batches, got a single example with",
    ),
    "unbatched loader": (lambda: loader([]), "`x`: expected batches, got a single example with"),
    "bytes": (
        lambda: grain.MapDataset.source([b"a", b"b"]),
        "`x`: expected batches of arrays, got b'a' (bytes). Decode the records with "
        ".map(function), and batch them: .batch(32).",
    ),
    "endless": (
        lambda: batched().repeat(),
        "fit: `x`: expected a data set with an end, or `steps_per_epoch`, got one that repeats "
        "without an end. Write steps_per_epoch=… for the number of batches, or repeat it less "
        "often.",
    ),
    "endless, one by one": (
        lambda: grain.MapDataset.source(PAIRS).repeat().to_iter_dataset().batch(8),
        "fit: `x`: expected a data set with an end, or `steps_per_epoch`, got one that repeats",
    ),
    "endless loader": (
        lambda: loader(None, None),
        "fit: `x`: expected a data set with an end, or `steps_per_epoch`, got one that repeats",
    ),
    "empty": (
        lambda: batched([]),
        "fit: `x`: expected at least one batch, got a Grain data set without any.",
    ),
    "no rows": (
        lambda: datasets.Dataset.from_dict({"x": [], "label": []}),
        "fit: `x`: expected at least one example, got a data set without any.",
    ),
    "splits": (
        lambda: datasets.DatasetDict(train=datasets.Dataset.from_dict({"x": X, "label": Y})),
        "fit: `x`: expected one data set, got a dict of the splits train. Pass one of them: "
        "data['train'].",
    ),
    "ragged": (
        lambda: datasets.Dataset.from_dict({"x": [[1.0], [1.0, 2.0]], "label": [0, 1]}),
        "column 'x': expected examples of one shape, got (1,) and (2,).",
    ),
    "rows that are batches": (
        lambda: datasets.Dataset.from_dict({"x": X, "label": Y}).batch(4),
        "expected one example in each row, got rows that are batches of 4 already. Leave .batch(4) "
        "out, and write batch_size=4.",
    ),
    "a stream of rows that are batches": (
        lambda: datasets.Dataset.from_dict({"x": X, "label": Y}).to_iterable_dataset().batch(11),
        "got rows that are batches of 11 already. Leave .batch(11) out, and write batch_size=11.",
    ),
    "words": (
        lambda: datasets.Dataset.from_dict({"x": ["a", "b"], "label": [0, 1]}),
        "`x`: expected numbers, got",
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_wrong_use(case: str, model: jkeras.Sequential) -> None:
    make, message = WRONG[case]
    with pytest.raises((TypeError, ValueError)) as caught:
        model.fit(make(), verbose=0)
    assert message in str(caught.value)
    assert str(caught.value).startswith("fit: ")


def test_wrong_names_and_validation_without_an_end(joined: jkeras.Model) -> None:
    rows = datasets.Dataset.from_dict({"first": X, "secnd": Z, "label": Y})
    with pytest.raises(ValueError) as caught:
        joined.fit(rows)
    assert str(caught.value) == (
        "fit: expected the columns first, second, which the model's inputs have as names, got "
        "first, secnd, label: 'second' is missing. Did you mean 'secnd'?"
    )
    with pytest.raises(ValueError) as caught:
        single().fit(batched(), validation_data=batched().repeat())
    assert str(caught.value) == (
        "fit: `validation_data`: expected a data set with an end, or `validation_steps`, got one "
        "that repeats without an end. Write validation_steps=… for the number of batches, or "
        "repeat it less often."
    )
    with pytest.raises(
        ValueError, match="evaluate: `x`: expected a data set with an end, or `steps`"
    ):
        single().evaluate(batched().repeat())


def test_endless_data_train_with_steps(model: jkeras.Sequential) -> None:
    endless = grain.MapDataset.source(PAIRS).shuffle(seed=0).repeat().batch(8)
    history = model.fit(endless, steps_per_epoch=3, epochs=2, verbose=0)
    assert len(history.history["loss"]) == 2
    assert np.isfinite(model.evaluate(endless, steps=2, verbose=0))


def test_flags_of_absl_have_their_defaults(model: jkeras.Sequential) -> None:
    """Which Grain reads where other processes read ahead, and a program without `absl.app` has
    not parsed.
    """
    flags.FLAGS.unparse_flags()
    assert np.isfinite(model.evaluate(loader(), verbose=0))
    assert flags.FLAGS.is_parsed()


# -- each process reads a part


def firsts(x: Any, share: tuple[int, int] = (0, 1)) -> list[list[float]]:
    """The first feature of each example in the batches that a process reads."""
    source = source_of(x, 6, ModelNames(), share)
    assert source is not None and source.value_fn is not None
    batches = enumerate(source.batches)
    return [source.value_fn(batch, number)[0][:, 0].tolist() for number, batch in batches]


@pytest.mark.parametrize("kind", ["map", "iter", "loader"])
def test_processes_read_batches_in_turn(kind: str) -> None:
    make = {
        "map": lambda: grain.MapDataset.source(PAIRS).batch(6),
        "iter": lambda: grain.MapDataset.source(PAIRS).to_iter_dataset().batch(6),
        "loader": lambda: loader([grain.transforms.Batch(6)]),
    }[kind]
    whole = firsts(make())
    assert firsts(make(), (0, 2)) == whole[::2] and firsts(make(), (1, 2)) == whole[1::2]
    assert firsts(make(), (2, 3)) == whole[2:3]


def test_what_grain_has_cut_by_process_stays_as_it_is() -> None:
    cut = grain.MapDataset.source(PAIRS)[1::2].batch(6)
    assert firsts(cut, (1, 2)) == firsts(cut)
    sampler = grain.samplers.IndexSampler(22, grain.sharding.NoSharding(), num_epochs=1)
    options = grain.sharding.ShardOptions(1, 2)
    batches = [grain.transforms.Batch(6)]
    own = grain.DataLoader(
        data_source=PAIRS, sampler=sampler, operations=batches, shard_options=options
    )
    assert firsts(own, (1, 2)) == firsts(own) and len(firsts(own)) == 2


def test_processes_read_their_rows_of_each_batch() -> None:
    rows = datasets.Dataset.from_dict({"x": X, "label": Y})
    parts = [firsts(rows, (number, 2)) for number in range(2)]
    assert [a + b for a, b in zip(*parts, strict=True)] == firsts(rows)
    assert [len(part) for part in parts[0]] == [3, 3, 3, 2]


def test_processes_read_parts_of_a_stream_of_rows() -> None:
    rows = datasets.Dataset.from_dict({"x": X, "label": Y})
    stream = rows.to_iterable_dataset(num_shards=2)
    found = []
    for number in range(2):
        source = source_of(stream, 6, ModelNames(), (number, 2))
        assert source is not None
        found += [row for batch in source.batches for row in batch["x"][:, 0].tolist()]
    assert sorted(found) == sorted(X[:, 0].tolist())


def test_a_model_over_processes_reads_a_part_where_each_gives_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("jkeras.trainer.loop.parts.share_of_process", lambda: (1, 2))
    parts = parts_of(single())
    assert parts.loading(8)["share"] == (0, 1)
    devices = jkeras.distribution.DataParallel(auto_shard_dataset=False)
    model = single()
    model.compile("sgd", "mse", distribution=devices)
    assert parts_of(model).loading(8)["share"] == (1, 2)
