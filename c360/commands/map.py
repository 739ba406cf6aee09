"""`c360 map suggest`: propose a mapping for a file."""

from pathlib import Path

from cyclopts import App

from c360.commands.replay import find_files
from c360.output import OUT
from producers import suggest as suggesting

map = App(name="map", help="Propose a mapping for a file.")  # noqa: A001 (what the command is called)


@map.command
def suggest(file: str, /, *, sheet: str | None = None, kind: str | None = None, source: str | None = None) -> None:
    """Print a first draft of the mapping of a file, made from its header and first rows.

    Parameters
    ----------
    file: str
        A file as `c360 replay` takes it.
    sheet: str
        Name of the sheet, of a workbook with several.
    kind: str
        What the file holds, such as csv, where its name does not say so.
    source: str
        The name that the mapping gives the source; by default that of the file.
    """
    location = find_files([file], kind)[0]
    name = source or Path(location.name).name.partition(".")[0]
    OUT.print(suggesting.suggest(location, source=name, sheet=sheet), end="", markup=False, soft_wrap=True)
