"""How a step is made: from a loss, from functions, from methods."""
