"""What a person sees: the progress line, the summary, the figures.

Display looks and never changes: it takes plain names, numbers, shapes and arrays, and returns text
or a figure. matplotlib is imported when a figure is drawn.
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
