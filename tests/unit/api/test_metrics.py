"""/metrics: requests are counted by operation, and nobody's id is among the labels."""

from starlette.testclient import TestClient


def test_requests_are_counted_by_operation(client: TestClient) -> None:
    client.app.state.positions.current = {("interactions", 0): 43}  # type: ignore[attr-defined]
    client.get("/api/v1/product-interactions")
    client.get("/api/v1/interactions/jane@example.org")
    client.request("BREW", "/api/v1/coffee")
    response = client.get("/metrics")
    assert response.headers["content-type"].startswith("text/plain")
    text = response.text
    assert 'c360_api_requests_total{method="GET",operation="list_product_interactions",status="200"}' in text
    assert 'c360_api_request_seconds_bucket{le="0.01",operation="list_product_interactions"}' in text
    assert 'c360_totals_next_offset{partition="0",topic="interactions"} 43.0' in text
    assert "c360_totals_age_seconds NaN" in text
    assert "jane" not in text
    assert "BREW" not in text
