"""What the state of the API looks like in an answer."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class Health(BaseModel):
    """The process is alive."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"status": "healthy", "version": "0.1.0"}]})

    status: Literal["healthy"] = "healthy"
    version: str = Field(description="Version of the API.")


class Check(BaseModel):
    """One condition for answering."""

    check: Literal["database", "migrations"]
    passed: bool
    reason: str | None = Field(None, description="Why not, where it is not passed.")


class Readiness(BaseModel):
    """Every condition for answering holds."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "status": "ready",
                    "checks": [{"check": "database", "passed": True}, {"check": "migrations", "passed": True}],
                }
            ]
        }
    )

    status: Literal["ready"] = "ready"
    checks: list[Check]
