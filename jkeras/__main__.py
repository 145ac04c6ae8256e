"""`python -m jkeras`: models from the shell."""

from jkeras.cli import main

if __name__ == "__main__":
    raise SystemExit(main())
