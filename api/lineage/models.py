"""What the lineage looks like in an answer."""

from datetime import datetime

from pydantic import BaseModel, ConfigDict, Field

from lineage.graph import Kind


class ThingField(BaseModel):
    """A field of a topic, or a column."""

    model_config = ConfigDict(from_attributes=True)

    name: str
    kind: str = Field(description="Its type.")
    meaning: str


class Thing(BaseModel):
    """One topic, table, view or endpoint."""

    model_config = ConfigDict(from_attributes=True)

    id: str = Field(description="What edges call it.")
    kind: Kind
    name: str
    meaning: str
    fields: list[ThingField] = Field(description="Fields of a topic, columns of a table or view.")
    checks: list[str] = Field(description="Data-quality checks that read it: `GET quality` has their results.")
    updated_at: datetime | None = Field(
        description="When something that it is made of was last committed (UTC); null: never, or nobody notes it."
    )


class Edge(BaseModel):
    """Who reads whom."""

    model_config = ConfigDict(from_attributes=True)

    source: str = Field(description="What is read: the id of a thing.")
    reader: str = Field(description="Who reads it: the id of a thing.")
    fields: list[str] = Field(description="Which of its fields; none: only how many rows there are.")


class LineageAnswer(BaseModel):
    """Answer of `GET lineage`."""

    model_config = ConfigDict(
        from_attributes=True,
        json_schema_extra={
            "examples": [
                {
                    "things": [
                        {
                            "id": "topic:product_discussions",
                            "kind": "topic",
                            "name": "product_discussions",
                            "meaning": "In this month (UTC) this product was the topic of discussion.",
                            "fields": [{"name": "month", "kind": "string", "meaning": "The month (UTC)."}],
                            "checks": [],
                            "updated_at": "2026-11-21T09:00:00Z",
                        },
                        {
                            "id": "relation:product_discussions",
                            "kind": "table",
                            "name": "product_discussions",
                            "meaning": "In this month this product was the topic of discussion.",
                            "fields": [{"name": "month", "kind": "date", "meaning": "First day of the month (UTC)."}],
                            "checks": [],
                            "updated_at": "2026-11-21T09:00:00Z",
                        },
                    ],
                    "edges": [
                        {
                            "source": "topic:product_discussions",
                            "reader": "relation:product_discussions",
                            "fields": ["month", "product"],
                        }
                    ],
                }
            ]
        },
    )

    things: list[Thing] = Field(description="Each after those that it reads.")
    edges: list[Edge]
