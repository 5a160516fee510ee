"""`python -m etl.cli` is `minerflow`."""

from etl.cli import main

if __name__ == "__main__":
    main(prog_name="minerflow")
