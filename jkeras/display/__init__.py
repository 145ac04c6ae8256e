"""Output for people: progress bars, model summaries, figures, and their forms in notebooks.

The functions here take names, numbers, shapes and arrays, and return text, HTML or a figure; they
modify nothing. matplotlib is imported with the first figure.
"""

from jkeras.display.classes import class_report, most_confused
from jkeras.display.confusion import confusion_counts, confusion_matrix_plot
from jkeras.display.lines import epoch_header
from jkeras.display.plots import learning_curves, prediction_grid
from jkeras.display.progress import Progbar, ProgressBar, write_text
from jkeras.display.result_figures import regression_plot
from jkeras.display.results import ResultsTable, results_table
from jkeras.display.summary import Row, Size, memory_text, size_of, summary_text
from jkeras.display.worst_examples import plot_top_losses

__all__ = [
    "Progbar",
    "ProgressBar",
    "ResultsTable",
    "Row",
    "Size",
    "class_report",
    "confusion_counts",
    "confusion_matrix_plot",
    "epoch_header",
    "learning_curves",
    "memory_text",
    "most_confused",
    "plot_top_losses",
    "prediction_grid",
    "regression_plot",
    "results_table",
    "size_of",
    "summary_text",
    "write_text",
]
