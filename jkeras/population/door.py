"""The names of the room, imported when one of them is asked for."""

from jkeras.population.cross_validation import CrossValidation, cross_validate
from jkeras.population.exploit_explore import ExploitExplore
from jkeras.population.population import Population, Prediction

__all__ = ["CrossValidation", "ExploitExplore", "Population", "Prediction", "cross_validate"]
