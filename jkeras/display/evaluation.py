"""What shows how good predictions are, in one place for the door, which fetches it when asked."""

from jkeras.display.classes import class_report, most_confused
from jkeras.display.result_figures import regression_plot
from jkeras.display.worst_examples import plot_top_losses

__all__ = ["class_report", "most_confused", "plot_top_losses", "regression_plot"]
