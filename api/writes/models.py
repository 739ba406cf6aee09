"""What is answered to whoever writes."""

from pydantic import BaseModel, ConfigDict, Field


class Written(BaseModel):
    """What was published."""

    accepted: int = Field(description="How many events.")
    position: str = Field(description="Send it with a question as header C360-Position, and the answer includes them.")


class WrittenAnswer(BaseModel):
    """Answer of `POST events/...` and `DELETE customers/{customer_id}`."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"data": {"accepted": 1, "position": "interactions:0@43"}}]}
    )

    data: Written
