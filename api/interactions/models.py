"""What the interactions of a customer look like in an answer."""

from pydantic import BaseModel, ConfigDict, Field

from api.kit.answers import AnsweredId


class CustomerInteractions(BaseModel):
    """One customer's interactions per channel."""

    customer_id: AnsweredId = Field(description="A number where the id is one, else text.")
    interactions: dict[str, int] = Field(
        description="Every channel that anybody ever used, the one first used first, and how often this customer did."
    )


class InteractionsAnswer(BaseModel):
    """Answer of `GET interactions/{customer_id}`."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"data": {"customer_id": 1, "interactions": {"Email": 1, "Call": 0, "Bird": 0}}}]
        }
    )

    data: CustomerInteractions
