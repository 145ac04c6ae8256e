"""Output for people: progress bars, model summaries, figures.

The functions here take names, numbers, shapes and arrays, and return text or a figure; they modify
nothing. matplotlib is imported with the first figure.
"""

from jkeras.display.confusion import confusion_counts, confusion_matrix_plot
from jkeras.display.lines import epoch_header
from jkeras.display.plots import learning_curves, prediction_grid
from jkeras.display.progress import Progbar, ProgressBar
from jkeras.display.summary import Row, Size, memory_text, size_of, summary_text

__all__ = [
    "Progbar",
    "ProgressBar",
    "Row",
    "Size",
    "confusion_counts",
    "confusion_matrix_plot",
    "epoch_header",
    "learning_curves",
    "memory_text",
    "prediction_grid",
    "size_of",
    "summary_text",
]
