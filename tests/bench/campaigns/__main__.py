"""Figures of campaigns and experiments, one module each: python -m tests.bench.campaigns NAME [options]."""

import sys
from importlib import import_module
from pathlib import Path

NAMES = sorted(path.stem for path in Path(__file__).parent.glob("*.py") if not path.stem.startswith(("_", "test_")))


def main(arguments: list[str]) -> None:
    """Runs `main(options)` of the module of that name.  Exits with 2 for a name that is none."""
    if not arguments or arguments[0] not in NAMES:
        sys.exit(f"python -m tests.bench.campaigns NAME, one of: {', '.join(NAMES)}")
    import_module(f"tests.bench.campaigns.{arguments[0]}").main(arguments[1:])


if __name__ == "__main__":
    main(sys.argv[1:])
