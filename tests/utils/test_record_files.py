"""Folders of Parquet and ArrayRecord files: every row once, in a new order in each epoch, and
little memory whatever their size.
"""

from __future__ import annotations

import io
import pickle
import tracemalloc
from pathlib import Path
from typing import Any

import grain
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from array_record.python.array_record_module import ArrayRecordWriter

import jkeras
from jkeras.data.libraries import source_of
from jkeras.utils import array_record_dataset, parquet_dataset

ROWS = 50
TABLE = {
    "a": np.arange(ROWS, dtype=np.float32),
    "b": np.arange(ROWS, dtype=np.int64) * 2,
    "label": np.arange(ROWS) % 3,
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two Parquet files in subfolders, with row groups of 8 rows, and a file of another kind."""
    for number, rows in enumerate((range(30), range(30, ROWS))):
        part = {name: column[list(rows)] for name, column in TABLE.items()}
        part["vector"] = [[float(row), 1.0] for row in rows]
        (tmp_path / f"part={number}").mkdir()
        pq.write_table(pa.table(part), tmp_path / f"part={number}/rows.parquet", row_group_size=8)
    (tmp_path / "notes.txt").write_text("none")
    return tmp_path


def epoch(dataset: Any, number: int = 0) -> list[Any]:
    """The batches of an epoch of Grain's."""
    count = len(dataset)
    return [dataset[number * count + index] for index in range(count)]


def test_rows_come_in_order_with_columns_side_by_side(folder: Path) -> None:
    dataset = parquet_dataset(folder, ["a", "b"], "label", batch_size=12, shuffle=False)
    assert isinstance(dataset, grain.MapDataset) and len(dataset) == 5
    x, y = (np.concatenate(parts) for parts in zip(*dataset, strict=True))
    np.testing.assert_array_equal(x, np.stack([TABLE["a"], TABLE["b"]], -1))
    np.testing.assert_array_equal(y, TABLE["label"])
    assert [len(x) for x, _ in dataset] == [12, 12, 12, 12, 2]
    short = parquet_dataset(folder, "vector", batch_size=12, shuffle=False, drop_remainder=True)
    assert [x.shape for (x,) in short] == [(12, 2)] * 4
    assert short[3][0][-1].tolist() == [47.0, 1.0]


def test_each_epoch_is_a_new_order_of_all_rows(folder: Path) -> None:
    dataset = parquet_dataset(folder, "a", "b", batch_size=7, seed=3)
    orders = [np.concatenate([x for x, _ in epoch(dataset, number)]) for number in range(3)]
    for order in orders:
        assert sorted(order.tolist()) == TABLE["a"].tolist()
    assert len({tuple(order) for order in [*orders, TABLE["a"]]}) == 4
    again = parquet_dataset(folder, "a", "b", batch_size=7, seed=3)
    np.testing.assert_array_equal(np.concatenate([x for x, _ in epoch(again, 2)]), orders[2])
    for x, y in epoch(dataset):
        np.testing.assert_array_equal(2 * x, y)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(dataset))[4][0], dataset[4][0])


def test_all_columns_are_a_dict_that_fit_takes_apart(folder: Path) -> None:
    dataset = parquet_dataset(folder, batch_size=8, shuffle=False)
    assert list(dataset[0]) == ["a", "b", "label", "vector"]
    inputs = [jkeras.Input((), name="a"), jkeras.Input((2,), name="vector")]
    joined = jkeras.layers.Concatenate()([inputs[0][:, None], inputs[1]])
    model = jkeras.Model(inputs, jkeras.layers.Dense(3, activation="softmax")(joined))
    model.compile("sgd", "sparse_categorical_crossentropy")
    model.fit(dataset, verbose=0)
    x = {"a": TABLE["a"], "vector": np.stack([TABLE["a"], np.ones(ROWS, np.float32)], -1)}
    found = model.evaluate(dataset, verbose=0)
    assert found == pytest.approx(model.evaluate(x, TABLE["label"], verbose=0), rel=1e-5)
    np.testing.assert_array_equal(model.predict(dataset, verbose=0), model.predict(x, batch_size=8))


def test_memory_does_not_grow_with_the_files(tmp_path: Path) -> None:
    values = np.zeros((400, 64), np.float32)
    table = pa.table({"x": pa.FixedSizeListArray.from_arrays(values.ravel(), 64)})

    def peak(files: int) -> int:
        for number in range(files):
            pq.write_table(table, tmp_path / f"{number}.parquet", row_group_size=100)
        source = source_of(parquet_dataset(tmp_path, "x", batch_size=8), None, None)
        assert source is not None
        tracemalloc.start()
        assert sum(len(x) for (x,) in source.batches) == 400 * files
        found = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return found

    few = peak(6)
    assert peak(24) < 1.5 * few


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (
            {"x": ["a", "lable"]},
            "parquet_dataset: `x`: expected columns of the data (a, b, label, vector), got 'lable'."
            " Did you mean 'label'?",
        ),
        (
            {"y": "label"},
            "parquet_dataset: `y`: expected None without `x`, got 'label'. Name the columns that "
            "are inputs: x=[…].",
        ),
        (
            {"x": "a", "sample_weight": "b"},
            "parquet_dataset: `sample_weight`: expected None without `y`, got 'b'.",
        ),
        ({"batch_size": 0}, "parquet_dataset: `batch_size`: expected at least 1, got 0."),
        (
            {"batch_size": 64, "drop_remainder": True},
            "parquet_dataset: expected at least one batch of 64 rows, got 50.",
        ),
    ],
)
def test_wrong_arguments(folder: Path, words: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError) as caught:
        parquet_dataset(folder, **words)
    assert str(caught.value) == message


def test_a_folder_without_files_says_so(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("1")
    with pytest.raises(ValueError) as caught:
        parquet_dataset(tmp_path)
    assert str(caught.value) == (
        f"parquet_dataset: `directory`: expected files with '.parquet' in their names, got 1 "
        f"others in {str(tmp_path)!r}."
    )
    with pytest.raises(FileNotFoundError) as missing:
        parquet_dataset(tmp_path / "none")
    assert str(missing.value) == (
        f"parquet_dataset: `directory`: {str(tmp_path / 'none')!r} does not exist."
    )


def test_patterns_empty_folders_and_misspelt_arguments(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError) as missing:
        parquet_dataset("*.parquet")
    assert str(missing.value) == (
        "parquet_dataset: `directory`: '*.parquet' does not exist. Give the folder, or a list: "
        "glob.glob('*.parquet')."
    )
    with pytest.raises(ValueError, match="in their names, got nothing in "):
        parquet_dataset(tmp_path)
    with pytest.raises(TypeError, match="parquet_dataset: unexpected argument `batchsize`"):
        parquet_dataset(tmp_path, batchsize=3)  # type: ignore[call-arg]


def test_a_column_of_words_among_numbers(tmp_path: Path) -> None:
    pq.write_table(pa.table({"age": [30.0], "name": ["Ada"], "label": [1]}), tmp_path / "a.parquet")
    with pytest.raises(TypeError) as caught:
        parquet_dataset(tmp_path, ["age", "name"], "label")[0]
    assert str(caught.value) == (
        "column 'name': expected numbers, because age, name stand side by side as one input, got "
        "an array of shape (1,) and dtype object, the first 'Ada'. Leave the column out, or encode "
        "it first."
    )


def test_ragged_lists_gaps_and_other_columns_are_errors(tmp_path: Path) -> None:
    pq.write_table(pa.table({"ids": [[1, 2], [3]]}), tmp_path / "a.parquet")
    with pytest.raises(ValueError) as caught:
        parquet_dataset(tmp_path, "ids")[0]
    assert str(caught.value) == (
        "column 'ids': expected lists of one length, got 1 and 2. Pad them where the files are "
        "written: jkeras.utils.pad_sequences."
    )
    pq.write_table(pa.table({"ids": [[1, 2], None]}), tmp_path / "a.parquet")
    with pytest.raises(
        ValueError, match=r"column 'ids': expected a list in each row, got 1 gaps\."
    ):
        parquet_dataset(tmp_path, "ids")[0]
    pq.write_table(pa.table({"x": [1]}), tmp_path / "b.parquet")
    with pytest.raises(ValueError, match="expected files with the same columns, got ids in "):
        parquet_dataset(tmp_path)


# -- ArrayRecord


def record(number: int) -> bytes:
    """An example as the bytes of an `.npz` file."""
    file = io.BytesIO()
    np.savez(file, x=np.full(3, number, np.float32), label=np.int32(number % 2))
    return file.getvalue()


def parse(data: bytes) -> dict[str, np.ndarray]:
    with np.load(io.BytesIO(data)) as found:
        return dict(found)


@pytest.fixture
def records(tmp_path: Path) -> Path:
    """Twenty records in two files."""
    for part in range(2):
        writer = ArrayRecordWriter(str(tmp_path / f"x.array_record-0000{part}"), "group_size:1")
        for number in range(10 * part, 10 * part + 10):
            writer.write(record(number))
        writer.close()
    return tmp_path


def test_records_come_parsed_and_shuffled(records: Path) -> None:
    plain = array_record_dataset(records, parse, "x", "label", batch_size=8, shuffle=False)
    assert [len(x) for x, _ in plain] == [8, 8, 4]
    assert plain[1][0][:, 0].tolist() == list(range(8, 16))
    assert plain[1][1].tolist() == [0, 1] * 4
    dataset = array_record_dataset(records, parse, "x", "label", batch_size=8, seed=1)
    orders = [[int(v) for x, _ in epoch(dataset, n) for v in x[:, 0]] for n in range(2)]
    assert orders[0] != orders[1] and [sorted(order) for order in orders] == [list(range(20))] * 2
    model = jkeras.Sequential([jkeras.layers.Dense(2, activation="softmax")], seed=0)
    model.compile("sgd", "sparse_categorical_crossentropy")
    model.fit(dataset, epochs=2, verbose=0)
    assert np.isfinite(model.evaluate(plain, verbose=0))


def test_pairs_and_dicts_of_records(records: Path) -> None:
    pairs = array_record_dataset(
        records, lambda data: (parse(data)["x"], 1.0), batch_size=4, shuffle=False
    )
    assert pairs[0][0].shape == (4, 3) and pairs[0][1].tolist() == [1.0] * 4
    assert list(array_record_dataset(records, parse, batch_size=4)[0]) == ["x", "label"]


def test_wrong_records(records: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    with pytest.raises(TypeError) as wrong:
        array_record_dataset(records, "npz")  # type: ignore[arg-type]
    assert str(wrong.value) == (
        "array_record_dataset: `parse_fn`: expected a function from the bytes of a record to an "
        "example, got 'npz' (str)."
    )
    with pytest.raises(ValueError) as caught:
        array_record_dataset(records, lambda data: (1, 2), "x")
    assert str(caught.value) == (
        "array_record_dataset: `x`: expected None, because `parse_fn` returns (1, 2) (tuple) and "
        "no dict with names."
    )
    with pytest.raises(ValueError, match=r"expected files with '\.array_record' in their names"):
        array_record_dataset(tmp_path_factory.mktemp("empty"), parse)
    ragged = array_record_dataset(
        records, lambda data: {"x": np.ones(len(parse(data)["x"]) + parse(data)["label"])}
    )
    with pytest.raises(ValueError, match="column 'x': expected examples of one shape, got"):
        ragged[0]


def test_without_the_packages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(ImportError) as caught:
        parquet_dataset("folder")
    assert str(caught.value) == (
        "parquet_dataset needs grain, which is not installed: pip install 'jkeras[grain]'"
    )
