"""`python -m omg_abci.node …` is `omgd …`, for a supervisor that looks for no script."""

from omg_abci.node.cli import main

if __name__ == "__main__":
    main(prog_name="omgd")
