"""The body of a request, of a bounded size. FastAPI's own bound answers in plain text, before the caller is known."""

from typing import Annotated

from fastapi import Depends, Request

from api.errors import TooLarge


async def _body(request: Request) -> bytes:
    most_bytes: int = request.app.state.body_bytes
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > most_bytes:
            # The rest is never read: the server closes the connection.
            raise TooLarge(
                f"at most {most_bytes:,} bytes are accepted: send it in parts", headers={"Connection": "close"}
            )
    return bytes(body)


#: For endpoints: the bytes of the body.
Body = Annotated[bytes, Depends(_body)]
