"""Whatever is asked, the service answers as it describes itself, and never fails."""

from __future__ import annotations

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import response_schema_conformance, status_code_conformance

CHECKS = [not_a_server_error, status_code_conformance, response_schema_conformance]


@pytest.mark.timeout(600)
def test_nothing_that_is_sent_makes_it_fail(opened):
    client = opened("plain", "label-category", open=True, rate=0)
    schema = schemathesis.openapi.from_asgi("/openapi.json", client.app)
    asked = 0
    for found in schema.get_all_operations():
        operation = found.ok()

        @settings(max_examples=15, suppress_health_check=list(HealthCheck), deadline=None, database=None)
        @given(case=operation.as_strategy())
        def answers_as_described(case):
            case.call_and_validate(checks=CHECKS)

        answers_as_described()
        asked += 1
    assert asked >= 18
