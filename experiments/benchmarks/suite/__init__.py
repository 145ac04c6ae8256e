"""The parts of the benchmark suite: what is measured, how it is run, and how it is shown."""
