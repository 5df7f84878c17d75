"""`python -m omg_abci.node …` is `omgd …`: what a supervisor starts without looking for a script."""

from omg_abci.node.cli import main

if __name__ == "__main__":
    main(prog_name="omgd")
