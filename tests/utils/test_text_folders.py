"""`text_dataset_from_directory`: texts, labels, splits and errors."""

from pathlib import Path

import numpy as np
import pytest

from jkeras.preprocessing import text_dataset_from_directory as same
from jkeras.utils import text_dataset_from_directory


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, texts in {"bad": ["dull", "bäd end"], "good": ["fine", "good", "great"]}.items():
        for number, text in enumerate(texts):
            place = tmp_path / name / ("inner" if number else "")
            place.mkdir(parents=True, exist_ok=True)
            (place / f"{number}.txt").write_text(text, encoding="utf-8")
    (tmp_path / "good" / "other.csv").write_text("no text")
    return tmp_path


def test_texts_and_labels_in_order(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = text_dataset_from_directory(folder, batch_size=3, shuffle=False)
    assert capsys.readouterr().out == "Found 5 files belonging to 2 classes.\n"
    (texts, labels), (rest, others) = list(data)
    assert texts.tolist() + rest.tolist() == ["dull", "bäd end", "fine", "good", "great"]
    assert (labels.tolist(), others.tolist()) == ([0, 0, 1], [1, 1])
    assert data.class_names == ["bad", "good"] and len(data.file_paths) == 5
    assert same is text_dataset_from_directory


def test_forms_of_labels_and_lengths(folder: Path) -> None:
    options = {"shuffle": False, "verbose": False, "batch_size": 5}
    _, binary = next(iter(text_dataset_from_directory(folder, label_mode="binary", **options)))
    assert (binary.shape, binary.dtype) == ((5, 1), np.float32)
    _, rows = next(iter(text_dataset_from_directory(folder, label_mode="categorical", **options)))
    assert rows.tolist() == np.eye(2)[[0, 0, 1, 1, 1]].tolist()
    texts = next(
        iter(text_dataset_from_directory(folder, label_mode=None, max_length=2, **options))
    )
    assert texts.tolist() == ["du", "b\ufffd", "fi", "go", "gr"]
    single = text_dataset_from_directory(folder, labels=None, batch_size=None, verbose=False)
    assert sorted(single) == sorted(["dull", "bäd end", "fine", "good", "great"])


def test_splits_share_no_file(folder: Path) -> None:
    options = {"validation_split": 0.4, "seed": 3, "verbose": False, "batch_size": None}
    training, validation = text_dataset_from_directory(folder, subset="both", **options)
    texts = [text for text, _ in training], [text for text, _ in validation]
    assert [len(part) for part in texts] == [3, 2] and not set(texts[0]) & set(texts[1])


def test_wrong_use_is_named(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="text_dataset_from_directory: `directory`"):
        text_dataset_from_directory(folder / "nothing")
    with pytest.raises(ValueError, match="`label_mode`"):
        text_dataset_from_directory(folder, label_mode="one_hot")
    (tmp_path / "empty" / "a").mkdir(parents=True)
    with pytest.raises(ValueError, match=r"expected text files \(.txt\), got none"):
        text_dataset_from_directory(tmp_path / "empty")
