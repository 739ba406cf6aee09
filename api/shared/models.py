"""What of schema `shared` looks like in an answer."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from pydantic import BaseModel, ConfigDict, Field


class SharedTable(StrEnum):
    """Tables of schema `shared`."""

    CUSTOMERS = "customers"
    SALES_BY_MONTH = "sales_by_month"
    INTEREST_BY_TYPE = "interest_by_type"
    SPEND_BY_SEGMENT = "spend_by_segment"


class SharedContents(BaseModel):
    """How a table was made."""

    row_count: int
    withheld: int = Field(description="Rows left out because they stand for too few customers.")
    group_size: int = Field(description="No row stands for fewer customers, or can be told from so many others.")
    key_id: str = Field(description="Pseudonyms of another key are other pseudonyms.")
    refreshed_at: datetime


class SharedAnswer(BaseModel):
    """Answer of `GET shared/{table}`."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "contents": {
                        "row_count": 1,
                        "withheld": 2,
                        "group_size": 5,
                        "key_id": "2c26b46b68ffc68f",
                        "refreshed_at": "2026-11-01T03:00:00Z",
                    },
                    "data": [{"segment": "Gold", "region": "DE", "customers": 19, "orders": 44, "amount": 1870}],
                    "page": 1,
                    "limit": 100,
                }
            ]
        }
    )

    contents: SharedContents
    data: list[dict[str, Any]] = Field(description="Rows of the table, in the order of their columns.")
    page: int
    limit: int
