"""Output for people: progress bars, model summaries, figures, and their forms in notebooks.

The functions here take names, numbers, shapes and arrays, and return text, HTML or a figure; they
modify nothing. matplotlib is imported with the first figure.
"""

from jkeras.display.confusion import confusion_counts, confusion_matrix_plot
from jkeras.display.lines import epoch_header
from jkeras.display.plots import learning_curves, prediction_grid
from jkeras.display.progress import Progbar, ProgressBar, write_text
from jkeras.display.results import ResultsTable, results_table
from jkeras.display.summary import Row, Size, memory_text, size_of, summary_text

__all__ = [
    "Progbar",
    "ProgressBar",
    "ResultsTable",
    "Row",
    "Size",
    "confusion_counts",
    "confusion_matrix_plot",
    "epoch_header",
    "learning_curves",
    "memory_text",
    "prediction_grid",
    "results_table",
    "size_of",
    "summary_text",
    "write_text",
]
