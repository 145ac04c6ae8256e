"""Writes mnist.png, the README's picture: two of the figures that `make mnist` writes.

make mnist && python docs/make_mnist.py
"""

from __future__ import annotations

import sys
from pathlib import Path

from PIL import Image

HERE = Path(__file__).parent
FIGURES = ("learning_curves.png", "predictions.png")
WIDTH = 900


def picture(folder: Path) -> Image.Image:
    """The figures below one another, in 64 colors.

    Args:
      folder: where `experiments/mnist_mlp.py` wrote them.
    """
    figures = [Image.open(folder / name).convert("RGB") for name in FIGURES]
    parts = [
        figure.resize(
            (WIDTH, round(figure.height * WIDTH / figure.width)), Image.Resampling.LANCZOS
        )
        for figure in figures
    ]
    whole = Image.new("RGB", (WIDTH, sum(part.height for part in parts)), "white")
    top = 0
    for part in parts:
        whole.paste(part, (0, top))
        top += part.height
    return whole.quantize(64)


def main() -> None:
    """Writes mnist.png."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else HERE.parent / "results" / "mnist_mlp"
    picture(folder).save(HERE / "mnist.png", optimize=True)
    print(f"wrote mnist.png, {(HERE / 'mnist.png').stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
