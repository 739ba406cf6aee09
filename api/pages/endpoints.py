"""GET docs, redoc, problems and the icon"""

from pathlib import Path
from typing import Annotated, Any, Final

from fastapi import APIRouter
from fastapi import Path as PathParameter
from fastapi.openapi.docs import get_redoc_html, get_swagger_ui_html
from fastapi.responses import FileResponse, HTMLResponse
from starlette.responses import Response
from starlette.staticfiles import StaticFiles

from api.errors import PROBLEMS, InternalError, InvalidRequest, UnknownPath, documented
from api.kit.parameters import Name
from api.pages.models import ProblemType

STATIC: Final = Path(__file__).parent.parent / "static"
TITLE: Final = "Live Customer 360"
ICON: Final = "/favicon.ico"

router = APIRouter()


class Files(StaticFiles):
    """Files that browsers ask for anew each time, which costs an answer without a body: none is of an older version."""

    def file_response(self, *args: Any, **kwargs: Any) -> Response:
        response = super().file_response(*args, **kwargs)
        response.headers["Cache-Control"] = "no-cache"
        return response


@router.get("/docs", include_in_schema=False)
async def show_swagger_ui() -> HTMLResponse:
    return get_swagger_ui_html(
        openapi_url="/openapi.json",
        title=TITLE,
        swagger_js_url="/static/vendor/swagger-ui-bundle.js",
        swagger_css_url="/static/vendor/swagger-ui.css",
        swagger_favicon_url=ICON,
    )


@router.get("/redoc", include_in_schema=False)
async def show_redoc() -> HTMLResponse:
    return get_redoc_html(
        openapi_url="/openapi.json",
        title=TITLE,
        redoc_js_url="/static/vendor/redoc.standalone.js",
        redoc_favicon_url=ICON,
        with_google_fonts=False,
    )


@router.get(ICON, include_in_schema=False)
async def get_icon() -> FileResponse:
    return FileResponse(STATIC / "favicon.svg", media_type="image/svg+xml")


@router.get(
    "/problems/{problem_type}",
    tags=["operations"],
    summary="What a problem means",
    responses=documented(UnknownPath, InvalidRequest, InternalError),
)
async def get_problem_type(
    problem_type: Annotated[Name, PathParameter(openapi_examples={"one": {"value": "unknown-customer"}})],
) -> ProblemType:
    """What the `type` of a problem leads to: what happened, and what to do about it."""
    problem = PROBLEMS.get(problem_type)
    if problem is None:
        raise UnknownPath(f"known types are {', '.join(PROBLEMS)}")
    return ProblemType(
        type=f"/problems/{problem_type}", title=problem.title, status=problem.status, meaning=problem.__doc__ or ""
    )
