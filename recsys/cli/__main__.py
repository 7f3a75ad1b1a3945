"""Entry point `python -m recsys.cli`: the command `recsys` of the interpreter that runs it."""

from recsys.cli.app import main

if __name__ == "__main__":
    main()
