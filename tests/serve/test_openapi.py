"""The OpenAPI document, and what Schemathesis finds with it."""

from __future__ import annotations

import os
from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.core.transport import Response
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

EXAMPLES = 100 if "MINERFLOW_FULL" in os.environ else 5
"""Requests made up for each path."""
pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture(scope="session")
def document(address: str) -> Any:
    return schemathesis.openapi.from_url(f"http://{address}/openapi.json")


def test_no_answer_breaks_the_document(document: Any) -> None:
    for found in document.get_all_operations():
        operation = found.ok()

        @given(case=operation.as_strategy())
        @settings(
            max_examples=EXAMPLES,
            deadline=None,
            derandomize=True,
            phases=[Phase.explicit, Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        def check(case: Any) -> None:
            response: Response = case.call()
            assert response.status_code < 500
            case.validate_response(
                response,
                checks=[status_code_conformance, content_type_conformance, response_schema_conformance],
            )

        check()


def test_everything_is_described(address: str) -> None:
    told = httpx.get(f"http://{address}/openapi.json").json()
    listed = httpx.get(f"http://{address}/v1/discovery/endpoints").json()["result"]["data"]
    assert {each["path"] for each in listed} <= told["paths"].keys()
    assert "/v4/timeseries/asset-metrics" in told["paths"]
    assert "detail" not in str(told["components"])
