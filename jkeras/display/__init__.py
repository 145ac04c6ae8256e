"""Output for people: progress bars, model summaries, figures, and their forms in notebooks.

The functions here take names, numbers, shapes and arrays, and return text, HTML or a figure; they
modify nothing. matplotlib is imported with the first figure.
"""

from typing import TYPE_CHECKING

from jkeras.core.absent import answering as _answering
from jkeras.display.confusion import confusion_counts, confusion_matrix_plot
from jkeras.display.lines import epoch_header
from jkeras.display.plots import learning_curves, prediction_grid
from jkeras.display.progress import Progbar, ProgressBar, write_text
from jkeras.display.results import ResultsTable, results_table
from jkeras.display.summary import Row, Size, memory_text, size_of, summary_text

if TYPE_CHECKING:
    from jkeras.display.evaluation import (
        class_report,
        most_confused,
        plot_top_losses,
        regression_plot,
    )

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

__getattr__ = _answering(__name__, "jkeras.display.evaluation")
