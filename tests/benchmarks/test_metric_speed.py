"""The measurement of the metrics' speed in its small form: it runs, and no metric takes a second."""

from __future__ import annotations

from pathlib import Path

from tests.benchmarks.metric_speed import QUERIES, make, measure

LIMIT_S = 1.0


def test_metrics_answer_within_a_second(tmp_path: Path) -> None:
    """Of 400 days and 100,000 transfers; the README has the figures of ten years and 50 million."""
    make(tmp_path, 400, 100_000)
    by_metric, by_query = measure(tmp_path)
    assert by_query.keys() == QUERIES.keys()
    assert len(by_metric) > 100
    assert {name: seconds for name, seconds in by_metric.items() if seconds > LIMIT_S} == {}
    assert by_query["metrics: one metric, all days"] < LIMIT_S
