"""POST events/{stream}, a route for each stream, and DELETE customers/{customer_id}"""

from collections.abc import Awaitable, Callable, Iterable
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Header, Request, Response
from starlette.responses import JSONResponse

from api.access.callers import Ingester, administrator
from api.broker import Broker
from api.database import DatabaseDependency
from api.errors import (
    BrokerAway,
    DatabaseAway,
    InternalError,
    InvalidRequest,
    KeyInUse,
    KeyReused,
    TooLarge,
    TooSlow,
    documented,
)
from api.kit.bodies import Body
from api.kit.freshness import POSITION
from api.kit.parameters import CustomerId
from api.kit.position import Position, write_position
from api.kit.request_context import TRACE
from api.writes.batches import MOST_EVENTS, body_schema, read_batch
from api.writes.models import Written, WrittenAnswer
from api.writes.queries import Attempt, answer_once
from events import topics
from events.contracts import CONTRACTS
from events.encoding import Record, encode, encode_tombstone

IdempotencyKey = Annotated[
    str | None,
    Header(
        min_length=1,
        max_length=200,
        pattern=r"^[!-~]+$",
        description="Names this request: sent again within a day, it is answered as before and nothing is published.",
    ),
]

_ABOUT: Final = f"""
The body is one event, or a list of up to {MOST_EVENTS:,}. When one of them breaks the contract none is published, and
every one that does is listed. Answered once the broker has all of them: they are in the totals some tens of
milliseconds later, or send the `position` along with a question. After a 503 send the same again: nothing counts twice.
"""

router = APIRouter(tags=["writes"])


async def _broker(request: Request) -> Broker:
    broker: Broker = request.app.state.broker
    return broker


BrokerDependency = Annotated[Broker, Depends(_broker)]


@router.delete(
    "/customers/{customer_id}",
    summary="Forget a customer",
    status_code=202,
    response_model=WrittenAnswer,
    dependencies=[Depends(administrator)],
    responses=documented(InvalidRequest, BrokerAway, DatabaseAway, TooSlow, InternalError),
)
async def forget_customer(request: Request, broker: BrokerDependency, customer_id: CustomerId) -> Response:
    """Publish the tombstone that makes the processors forget the customer; docs/forgetting.md says what goes.

    Answers alike whether anybody has heard of the customer or not: what is on its way is not known here.
    """
    records = _traced(request, [encode_tombstone(topics.CUSTOMERS.name, key=customer_id)])
    return _answer(_written(1, await broker.publish(records)))


def _publisher(stream: str) -> Callable[..., Awaitable[Response]]:
    """The endpoint of one stream: each has a body of its own in the documentation."""

    async def publish(
        *,
        request: Request,
        caller: Ingester,
        database: DatabaseDependency,
        broker: BrokerDependency,
        body: Body,
        idempotency_key: IdempotencyKey = None,
    ) -> Response:
        records = _traced(
            request, (encode(event, source=f"api/{caller.token_id}") for event in read_batch(stream, body))
        )

        async def publish_all() -> Written:
            return _written(len(records), await broker.publish(records))

        if idempotency_key is None:
            return _answer(await publish_all())
        attempt = Attempt.of(caller.token_id, idempotency_key, path=stream, body=body)
        return _answer(await answer_once(database, attempt, publish_all))

    return publish


def _add_streams() -> None:
    for topic in topics.STREAMS:
        content = {"application/json": {"schema": body_schema(topic.name)}}
        router.add_api_route(
            f"/events/{topic.name}",
            _publisher(topic.name),
            methods=["POST"],
            name=f"publish_{topic.name}",
            summary=f"Publish to {topic.name}",
            description=f"{CONTRACTS[topic.name].__doc__}\n\n{_ABOUT}",
            status_code=202,
            response_model=WrittenAnswer,
            responses=documented(
                InvalidRequest, KeyReused, KeyInUse, TooLarge, BrokerAway, DatabaseAway, TooSlow, InternalError
            ),
            openapi_extra={"requestBody": {"required": True, "content": content}},
        )


def _traced(request: Request, records: Iterable[Record]) -> list[Record]:
    """The records, with the trace that the request is part of (as CloudEvents and OpenTelemetry name it)."""
    trace: str | None = request.state.traceparent
    more = [(TRACE, trace.encode())] if trace else []
    return [record._replace(headers=[*record.headers, *more]) for record in records]


def _written(accepted: int, position: Position) -> Written:
    return Written(accepted=accepted, position=write_position(position))


def _answer(written: Written) -> Response:
    answer = WrittenAnswer(data=written)
    return JSONResponse(answer.model_dump(), status_code=202, headers={POSITION: written.position})


_add_streams()
