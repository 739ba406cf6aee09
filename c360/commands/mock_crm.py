"""`c360 mock-crm`: serve a JSON file of customers as a paginated API, to try `c360 pull` without a real CRM."""

from pathlib import Path
from typing import Annotated, Any, Final

import msgspec
import uvicorn
from cyclopts import Parameter
from cyclopts.validators import Number
from fastapi import FastAPI, Query
from fastapi.responses import JSONResponse

from c360.output import ERR
from events.errors import UsageError

_SAMPLE: Final = Path(__file__).parents[2] / "sample_data" / "crm_customers.json"


def mock_crm(
    file: Path = _SAMPLE,
    /,
    *,
    host: str = "127.0.0.1",
    port: Annotated[int, Parameter(validator=Number(gte=0, lte=65535))] = 5000,
) -> None:
    """Serve /api/health, /api/customers?page=&limit= and /api/customers/{id} until Ctrl-C.

    Parameters
    ----------
    file: Path
        A JSON array of customers, each an object with a customer_id.
    host: str
        Address to listen on.
    port: int
        Port to listen on.
    """
    customers = load_customers(file)
    ERR.print(f"serving {len(customers):,} customers on http://{host}:{port}/api/customers", markup=False)
    uvicorn.run(build_app(customers), host=host, port=port, log_level="warning")


def load_customers(file: Path) -> list[dict[str, Any]]:
    """Read the customers.

    Raises: UsageError when the file is not an array of objects with a customer_id.
    """
    try:
        customers = msgspec.json.decode(file.read_bytes(), type=list[dict[str, Any]])
    except (OSError, msgspec.MsgspecError) as error:
        raise UsageError(f"{file} can't be served: {error}: expected a JSON array of customers") from error
    if any("customer_id" not in customer for customer in customers):
        raise UsageError(f"{file} can't be served: a customer has no customer_id")
    return customers


def build_app(customers: list[dict[str, Any]]) -> FastAPI:
    """The API over these customers."""
    app = FastAPI(title="Mock CRM", openapi_url=None)
    by_id = {str(customer["customer_id"]): customer for customer in customers}

    @app.get("/api/health")
    def health() -> dict[str, object]:
        return {"status": "healthy", "customers": len(customers)}

    @app.get("/api/customers")
    def list_customers(
        page: Annotated[int, Query(ge=1)] = 1, limit: Annotated[int, Query(ge=1, le=100)] = 10
    ) -> dict[str, object]:
        begin = (page - 1) * limit
        return {
            "data": customers[begin : begin + limit],
            "total": len(customers),
            "page": page,
            "limit": limit,
            "total_pages": -(-len(customers) // limit),
        }

    @app.get("/api/customers/{customer_id}", response_model=None)
    def get_customer(customer_id: str) -> dict[str, Any] | JSONResponse:
        customer = by_id.get(customer_id)
        if customer is None:
            return JSONResponse({"error": "Customer not found"}, status_code=404)
        return customer

    return app
