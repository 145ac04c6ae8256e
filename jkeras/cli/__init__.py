"""Models from the shell: `python -m jkeras predict|summary|export|convert|serve`.

Every error is one line on stderr and the exit code 2; answers go to stdout.
"""

from jkeras.cli.program import main
from jkeras.core.absent import answering as _answering

__all__ = ["main"]

__getattr__ = _answering(__name__)
