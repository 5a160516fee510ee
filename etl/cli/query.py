"""`minerflow query`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from etl.cli.common import Command, opened
from etl.cli.output import TABLE, output_options, print_first, taken_output
from etl.errors import UsageError

MOST_TABLE_ROWS = 1_000

_EXAMPLE = """\
minerflow query "SELECT day, value FROM metrics WHERE profile = 'entity'
                 AND metric = 'FlowMinerOut1HopAllExNtv' ORDER BY day" -o out.csv
minerflow query -f question.sql"""


@click.command(cls=Command, example=_EXAMPLE)
@click.argument("sql", required=False)
@click.option(
    "-f", "--file", type=click.Path(path_type=Path, allow_dash=True),
    help="Read the question from this file; - is stdin.",
)  # fmt: skip
@output_options
def command(sql: str | None, file: Path | None, **options: Any) -> None:
    """Ask the published results a question in SQL (DuckDB's dialect).

    EXPLAIN and EXPLAIN ANALYZE before it show how DuckDB answers.
    """
    from etl.results.answers import ask, explanation

    output = taken_output(options)
    question = _question(sql, file)
    with opened(options).reading() as con:
        explained = explanation(con, question)
        if explained is not None:
            click.echo(explained)
        elif output.form == TABLE:
            print_first(ask(con, question), MOST_TABLE_ROWS)
        else:
            output.write(ask(con, question))


def _question(sql: str | None, file: Path | None) -> str:
    if (sql is None) == (file is None):
        raise UsageError("one question is to be asked", "give the SQL, or a file with -f FILE")
    if sql is not None:
        return sql
    assert file is not None
    try:
        return sys.stdin.read() if str(file) == "-" else file.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise UsageError(f"{file} is no text in UTF-8", "name a file with SQL") from error
