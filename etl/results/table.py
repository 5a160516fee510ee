"""An answer in memory, as an Arrow table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from etl.errors import UsageError

if TYPE_CHECKING:
    import pandas
    import polars
    import pyarrow as pa


class Table:
    """Rows of an answer, in columns; `arrow` is the pyarrow.Table.

    Days are date32, amounts in BTC and USD decimal128 with all their digits, satoshis and counts integers.
    What speaks Arrow's C stream interface takes a Table as it is: polars.DataFrame(table),
    pyarrow.table(table), duckdb.sql("FROM table").
    """

    __slots__ = ("arrow",)

    def __init__(self, arrow: pa.Table) -> None:
        self.arrow = arrow

    @property
    def columns(self) -> list[str]:
        """The names of the columns."""
        return list(self.arrow.column_names)

    def floats(self) -> Table:
        """The same rows with every decimal number as a float64, for arithmetic and drawing."""
        import pyarrow as pa

        fields = [
            field.with_type(pa.float64()) if pa.types.is_decimal(field.type) else field
            for field in self.arrow.schema
        ]
        return Table(self.arrow.cast(pa.schema(fields)))

    def to_pandas(self) -> pandas.DataFrame:
        """A pandas DataFrame; decimal numbers are Python's Decimal. Raises UsageError without pandas."""
        try:
            import pandas  # noqa: F401
        except ImportError as error:
            raise _missing("pandas") from error
        frame: pandas.DataFrame = self.arrow.to_pandas()
        return frame

    def to_polars(self) -> polars.DataFrame:
        """A polars DataFrame. Raises UsageError without polars."""
        try:
            import polars
        except ImportError as error:
            raise _missing("polars") from error
        return polars.DataFrame(self.arrow)

    def to_pylist(self) -> list[dict[str, Any]]:
        """A dictionary per row."""
        rows: list[dict[str, Any]] = self.arrow.to_pylist()
        return rows

    def __len__(self) -> int:
        return int(self.arrow.num_rows)

    def __getitem__(self, column: str) -> pa.ChunkedArray:
        return self.arrow.column(column)

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        return self.arrow.__arrow_c_stream__(requested_schema)

    def __repr__(self) -> str:
        return f"<Table of {len(self):,} rows: {', '.join(self.columns)}>"


def _missing(library: str) -> UsageError:
    return UsageError(f"{library} is not installed", f"install it with pip install {library}")
