"""The CSV file of a run: byte for byte Keras's, but for a validation that never comes."""

import csv
import io
import pathlib

import pytest

import jkeras
from jkeras.callbacks import CSVLogger
from tests.callbacks.conftest import HINT, RUN
from tests.golden import callbacks_runs as runs


def _validated(text: str) -> str:
    """Keras's file without the columns of a validation that never comes."""
    form = {"delimiter": ";" if ";" in text else ","}
    lines = list(csv.reader(io.StringIO(text, newline=""), **form))
    columns = list(zip(*lines, strict=True))
    kept = [c for c in columns if not c[0].startswith("val_") or set(c[1:]) != {"NA"}]
    file = io.StringIO(newline="")
    csv.writer(file, **form).writerows(zip(*kept, strict=True))
    return file.getvalue()


@pytest.mark.parametrize("name", runs.CSV_RUNS)
def test_the_file_is_the_one_of_keras(name: str, golden: dict, tmp_path: pathlib.Path) -> None:
    assert runs.csv_text(jkeras, name, tmp_path) == _validated(golden["csv"][name]), HINT


def test_the_folder_is_made_and_a_run_without_epochs_leaves_an_empty_file(
    tmp_path: pathlib.Path,
) -> None:
    logger = CSVLogger(tmp_path / "new" / "log.csv")
    logger.on_train_begin()
    assert (tmp_path / "new" / "log.csv").read_bytes() == b""


def test_fit_writes_the_numbers_of_its_history(
    tmp_path: pathlib.Path, model: jkeras.Sequential
) -> None:
    path = tmp_path / "log.csv"
    history = model.fit(**RUN, epochs=2, callbacks=[CSVLogger(path)])
    first, second = history.history["loss"]
    assert path.read_text() == f"epoch,loss\n0,{first!r}\n1,{second!r}\n"


def test_columns_of_a_later_validation_are_added(
    tmp_path: pathlib.Path, model: jkeras.Sequential
) -> None:
    path = tmp_path / "log.csv"
    again = {"validation_data": (RUN["x"], RUN["y"]), "validation_freq": 2}
    logs = model.fit(**RUN, **again, epochs=2, callbacks=[CSVLogger(path)]).history
    first, second = logs["loss"]
    (val,) = logs["val_loss"]
    assert path.read_text() == f"epoch,loss,val_loss\n0,{first!r},NA\n1,{second!r},{val!r}\n"


def test_appended_lines_have_the_columns_of_the_file(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "log.csv"
    for logs in ({"loss": 0.5, "val_loss": 0.25}, {"loss": 0.125}):
        logger = CSVLogger(path, append=True)
        logger.on_train_begin()
        logger.on_epoch_end(0, logs)
    assert path.read_text() == "epoch,loss,val_loss\n0,0.5,0.25\n0,0.125,NA\n"


@pytest.mark.parametrize(
    ("arguments", "kind", "message"),
    [
        (
            {"filename": 3},
            TypeError,
            "CSVLogger: `filename`: expected a path such as 'log.csv', got 3 (int).",
        ),
        (
            {"filename": "a", "separator": "||"},
            ValueError,
            "CSVLogger: `separator`: expected one character, got '||' (str).",
        ),
        (
            {"file": "a"},
            TypeError,
            "CSVLogger: unexpected argument `file`. Did you mean 'filename'? Arguments: filename, "
            "separator, append.",
        ),
    ],
)
def test_wrong_arguments_are_refused(arguments: dict, kind: type, message: str) -> None:
    with pytest.raises(kind) as caught:
        CSVLogger(**arguments)
    assert str(caught.value) == message
