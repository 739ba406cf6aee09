"""What the state of the API looks like in an answer."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class Health(BaseModel):
    """The process is alive."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"status": "healthy", "version": "0.1.0"}]})

    status: Literal["healthy"] = "healthy"
    version: str = Field(description="Version of the API.")


class Check(BaseModel):
    """One condition."""

    check: Literal["database", "migrations", "broker", "lag"]
    passed: bool
    reason: str | None = Field(None, description="Why not, where it is not passed.")


class Readiness(BaseModel):
    """Questions can be answered."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "status": "ready",
                    "checks": [
                        {"check": "database", "passed": True},
                        {"check": "migrations", "passed": True},
                        {"check": "broker", "passed": True},
                        {"check": "lag", "passed": True},
                    ],
                }
            ]
        }
    )

    status: Literal["ready", "degraded"] = Field(
        description="degraded: the broker is away. Questions are answered, nothing is written, nobody knows the lag."
    )
    checks: list[Check]
