"""`audio_dataset_from_directory`: sounds of .wav files, lengths, rates and errors."""

import wave
from pathlib import Path

import numpy as np
import pytest

from jkeras.utils import audio_dataset_from_directory
from jkeras.utils.audio_folders import resampled

QUIET = {"verbose": False, "shuffle": False}


def write(path: Path, samples: np.ndarray, width: int = 2, rate: int = 8000) -> None:
    """Writes whole numbers `[samples, channels]` as a sound."""
    path.parent.mkdir(exist_ok=True)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(samples.shape[1])
        file.setsampwidth(width)
        file.setframerate(rate)
        file.writeframes(samples.astype("u1" if width == 1 else f"<i{width}").tobytes())


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write(tmp_path / "a" / "0.wav", np.array([[0], [16384], [-32768]]))
    write(tmp_path / "b" / "0.wav", np.array([[32767], [1], [2], [3], [4]]))
    return tmp_path


def test_sounds_are_filled_up_to_the_longest(folder: Path) -> None:
    sounds, labels = next(iter(audio_dataset_from_directory(folder, **QUIET)))
    assert (sounds.shape, sounds.dtype) == ((2, 5, 1), np.float32)
    assert sounds[0, :, 0].tolist() == [0, 0.5, -1, 0, 0]
    assert sounds[1, 0, 0] == 32767 / 32768 and labels.tolist() == [0, 1]


def test_a_length_cuts_and_fills(folder: Path) -> None:
    sounds, _ = next(iter(audio_dataset_from_directory(folder, output_sequence_length=4, **QUIET)))
    assert sounds[..., 0].tolist() == [
        [0, 0.5, -1, 0],
        [32767 / 32768, 1 / 32768, 2 / 32768, 3 / 32768],
    ]


def test_samples_of_other_widths(tmp_path: Path) -> None:
    write(tmp_path / "a" / "8.wav", np.array([[0, 128], [192, 255]]), width=1)
    write(tmp_path / "b" / "32.wav", np.array([[2**30, 0], [-(2**31), 0]]), width=4)
    sounds, _ = next(iter(audio_dataset_from_directory(tmp_path, **QUIET)))
    assert sounds.tolist() == [[[-1, 0], [0.5, 127 / 128]], [[0.5, 0], [-1, 0]]]
    path = tmp_path / "a" / "8.wav"
    with wave.open(str(path), "wb") as file:
        file.setnchannels(2)
        file.setsampwidth(3)
        file.setframerate(8000)
        file.writeframes(bytes([0, 0, 64, 0, 0, 0, 0, 0, 128, 0, 0, 0]))
    sounds, _ = next(iter(audio_dataset_from_directory(tmp_path, **QUIET)))
    assert sounds[0].tolist() == [[0.5, 0], [-1, 0]]


def test_another_rate_keeps_the_sound() -> None:
    times = np.arange(4000) / 8000
    sound = np.sin(2 * np.pi * 440 * times)[:, None]
    faster = resampled(sound, 8000, 16000)
    assert faster.shape == (8000, 1)
    inner = slice(200, -200)
    expected = np.sin(2 * np.pi * 440 * np.arange(8000) / 16000)
    np.testing.assert_allclose(faster[inner, 0], expected[inner], atol=2e-3)
    high = np.sin(2 * np.pi * 3900 * times)[:, None]
    assert np.abs(resampled(high, 8000, 4000)[inner]).max() < 0.02  # 3,900 Hz does not fit


def test_a_rate_is_brought_to_another(folder: Path) -> None:
    sounds, _ = next(iter(audio_dataset_from_directory(folder, sampling_rate=4000, **QUIET)))
    assert sounds.shape == (2, 3, 1)


def test_wrong_use_is_named(folder: Path) -> None:
    with pytest.raises(ValueError, match="`ragged`: expected False"):
        audio_dataset_from_directory(folder, ragged=True)
    write(folder / "b" / "1.wav", np.zeros((2, 2)))
    with pytest.raises(ValueError, match="expected sounds with as many channels each, got 1"):
        list(audio_dataset_from_directory(folder, **QUIET))
    (folder / "b" / "1.wav").write_bytes(b"no sound")
    with pytest.raises(ValueError, match=r"expected a \.wav file of whole numbers"):
        list(audio_dataset_from_directory(folder, **QUIET))
