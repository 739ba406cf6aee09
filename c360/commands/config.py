"""`c360 config`: the settings, as they are and as they are documented."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from cyclopts import App
from pydantic import SecretStr
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings

from c360.output import OUT, print_json, table
from settings import Settings

config = App(name="config", help="The settings.")

_HEAD = """# Settings

All settings are read from the environment, once, at the start of a command. Secrets are never printed;
each may be kept in a file instead, which the variable with `_FILE` behind its name tells (`DATABASE_PASSWORD_FILE`).
This table is made from the code by `make docs`.

| variable | default | meaning |
|---|---|---|
"""


@dataclass(frozen=True, slots=True)
class _Setting:
    variable: str
    field: FieldInfo
    value: object


@config.command
def show(*, json: bool = False) -> None:
    """Print every setting with its current value; secrets are masked.

    Parameters
    ----------
    json: bool
        Print a JSON object of variables and values.
    """
    values = {setting.variable: _text(setting.value) for setting in _settings(vars(Settings()))}
    if json:
        print_json(values)
        return
    shown = table("variable", "value")
    for variable, value in values.items():
        shown.add_row(variable, value or "(not set)")
    OUT.print(shown)


@config.command
def docs() -> None:
    """Print the documentation of every setting as Markdown: the content of docs/settings.md."""
    OUT.out(documentation(), end="", highlight=False)


def documentation() -> str:
    """The Markdown text: depends on the code alone, not on the environment."""
    rows = [
        f"| `{setting.variable}` | {_default(setting.field)} | {setting.field.description} |\n"
        for setting in _settings(vars(Settings()))
    ]
    return _HEAD + "".join(rows)


def _settings(groups: dict[str, BaseSettings]) -> Iterator[_Setting]:
    for group in groups.values():
        prefix = type(group).model_config["env_prefix"]
        for name, field in type(group).model_fields.items():
            yield _Setting(f"{prefix}{name}".upper(), field, getattr(group, name))


def _default(field: FieldInfo) -> str:
    text = _text(field.default)
    return f"`{text}`" if text else "not set"


def _text(value: Any) -> str | None:
    """A value as it would be set; None where there is none."""
    match value:
        case None:
            return None
        case SecretStr():
            return str(value)
        case _:
            return str(value)
