"""What the meaning of a problem looks like in an answer."""

from pydantic import BaseModel, ConfigDict


class ProblemType(BaseModel):
    """One type of problem."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "type": "/problems/unknown-customer",
                    "title": "Nobody has heard of this customer",
                    "status": 404,
                    "meaning": "No event has told anything of this customer: neither who it is nor anything it did.",
                }
            ]
        }
    )

    type: str
    title: str
    status: int
    meaning: str
