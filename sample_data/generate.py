"""Write the sample data, the same bytes every time: `python sample_data/generate.py`.

The small workbook is small enough to count by hand. The large one is what exports really look like: see README.md for
what is wrong in it. `families.py` makes the other sources. All are written with the seed below, so that a test may rely
on their numbers.
"""

import csv
import json
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Final, TypeAlias

import families
import xlsxwriter

FOLDER: Final = Path(__file__).parent
SEED: Final = 20_190_104

Value: TypeAlias = str | int | float | datetime | None
Sheets: TypeAlias = dict[str, Sequence[Sequence[Value]]]

#: Excel's own wish, and what makes the bytes of a workbook the same every time.
_CREATED: Final = datetime(2022, 1, 3, 8, 0)

CRM_EXPORT: Final[Sheets] = {
    "Customers": [
        ("Customer_Id", "Occupation", "Type"),
        (1, "Jedi", "Red"),
        (2, "Batman", "Orange"),
        (3, "Santa Claus", "Blue"),
        (11, "Doctor", "Orange"),
        (12, "Plummer", "Red"),
    ],
    "External interactions": [
        ("Date Start", "Interaction", "Customers"),
        ("04/10/2019 09:00", "Email", 1),
        ("11/02/2020 16:10", "Call", 4),
        ("05/03/2020 11:23", "Bird", 4),
        ("04/06/2021 13:01", "Email", 3),
    ],
    "Products of discussion": [
        ("Date", "Product"),
        ("01-2019", "Sand"),
        ("02-2019", "Sand"),
        ("10-2021", "Orange"),
    ],
}

CUSTOMERS: Final = 1_500
INTERACTIONS: Final = 40_000
FIRST_CUSTOMER: Final = 1_000  # the small workbook has the ids below
FIRST_DAY: Final = datetime(2019, 1, 1, tzinfo=UTC)
DAYS: Final = 1_096

TYPES: Final = ("Red", "Orange", "Blue", "Green")
OCCUPATIONS: Final = (
    "Baker", "Carpenter", "Doctor", "Farmer", "Gardener", "Judge", "Lighthouse keeper", "Nurse", "Painter", "Pilot",
    "Plumber", "Teacher", "Translator", "Violinist", "Watchmaker",
)  # fmt: skip
PRODUCTS: Final = ("Sand", "Orange", "Umbrella", "Lantern", "Teapot", "Compass", "Kite")
SPELLINGS: Final = {
    "Email": ("Email", "Email", "Email", "Email", "e-mail", "EMAIL", "E-Mail ", " email"),
    "Call": ("Call", "Call", "Call", "Call", "call", "Phone call", " Call"),
    "Bird": ("Bird", "Bird", "Bird", "bird ", "BIRD"),
    "Chat": ("Chat", "Chat", "chat"),
}
CHANNEL_WEIGHTS: Final = (45, 30, 10, 15)
NO_CHANNELS: Final = ("Fax", "Pigeon post", "??", "unknown")
NO_DATES: Final = ("31/02/2020 10:00", "yesterday", "29/02/2021 08:15", "2020", "00/00/0000 00:00", "14/13/2020 12:00")


def main() -> None:
    """Write all files beside this one."""
    write_workbook(FOLDER / "crm_export.xlsx", CRM_EXPORT)
    write_workbook(FOLDER / "contact_center.xlsx", contact_center(_random()))
    for name, form, rows in families.tables(_random()):
        write_text(FOLDER / name, form, rows)
    (FOLDER / "crm_customers.json").write_text(
        json.dumps(families.crm_customers(_random()), indent=2, ensure_ascii=False) + "\n", encoding="utf-8"
    )


def _random() -> Random:
    return Random(SEED)  # noqa: S311 (sample data)


def contact_center(random: Random) -> Sheets:
    """The sheets of the large workbook: interactions first, so that customers and products arrive late."""
    return {
        "Interactions": [("Started", "Channel", "Customer", "Product", "Agent note"), *_interactions(random)],
        "Customers": [("Customer", "Occupation", "Type"), *_customers(random)],
        "Topics": [("Month", "Product"), *_topics(random)],
    }


def write_text(path: Path, form: families.Form, rows: Iterable[Sequence[object]]) -> None:
    """Write a CSV file in the manner of the program that it would come from."""
    with path.open("w", newline="", encoding=form.encoding) as file:
        csv.writer(file, delimiter=form.delimiter, lineterminator=form.line_end).writerows(rows)


def write_workbook(path: Path, sheets: Sheets) -> None:
    """Write sheets of values; moments become Excel dates."""
    with xlsxwriter.Workbook(path, {"default_date_format": "dd/mm/yyyy hh:mm"}) as workbook:
        workbook.set_properties({"created": _CREATED})
        for name, rows in sheets.items():
            sheet = workbook.add_worksheet(name)
            sheet.set_column(0, 4, 20)
            for number, row in enumerate(rows):
                sheet.write_row(number, 0, row)


def _interactions(random: Random) -> list[Sequence[Value]]:
    rows: list[Sequence[Value]] = []
    while len(rows) < INTERACTIONS:
        row = _interaction(random)
        rows.append(row)
        if random.random() < 0.01:  # entered twice
            rows.append(row)
        if random.random() < 0.001:  # lines that people leave to separate days
            rows.append((None,) * 5)
    random.shuffle(rows)
    return rows


def _interaction(random: Random) -> Sequence[Value]:
    # The sum of two uniform draws: more interactions towards the middle of the years.
    moment = FIRST_DAY + timedelta(days=int(random.random() * DAYS / 2 + random.random() * DAYS / 2))
    moment += timedelta(minutes=random.randrange(8 * 60, 19 * 60))
    channel = random.choices(list(SPELLINGS), CHANNEL_WEIGHTS)[0]
    # A third of the customers makes most of the calls; the last 60 are unknown to the sheet of customers.
    customer = FIRST_CUSTOMER + int(random.random() ** 2 * (CUSTOMERS + 60))
    product = random.choice(PRODUCTS) if random.random() < 0.08 else None
    return (
        _date(random, moment),
        random.choice(NO_CHANNELS) if random.random() < 0.006 else random.choice(SPELLINGS[channel]),
        _id(random, customer) if random.random() > 0.004 else None,
        product,
        random.choice((None, None, None, "call back", "angry", "  ")),
    )


def _customers(random: Random) -> Iterable[Sequence[Value]]:
    for number in range(FIRST_CUSTOMER, FIRST_CUSTOMER + CUSTOMERS):
        kind = random.choice(TYPES)
        yield (
            _id(random, number),
            _with_spaces(random, random.choice(OCCUPATIONS)) if random.random() > 0.03 else None,
            _spelled(random, kind) if random.random() > 0.02 else None,
        )
        if random.random() < 0.01:  # the same customer again, with another type: the later row counts
            yield (number, None, random.choice(TYPES))
    yield (None, "Ghost", "Red")
    yield ("  ", None, "Blue")
    yield (FIRST_CUSTOMER, None, "Purple")


def _topics(random: Random) -> Iterable[Sequence[Value]]:
    for year in (2019, 2020, 2021):
        for month in range(1, 13):
            # No topic in some months, several in others.
            for product in random.sample(PRODUCTS, random.choices((0, 1, 2, 3), (1, 5, 3, 1))[0]):
                yield (f"{month:02}-{year}", _with_spaces(random, product))
    yield ("13-2020", "Kite")
    yield ("06-2021", None)


def _date(random: Random, moment: datetime) -> Value:
    draw = random.random()
    if draw < 0.01:
        return random.choice(NO_DATES)
    if draw < 0.3:
        return moment.replace(tzinfo=None)
    return _with_spaces(random, moment.strftime("%d/%m/%Y %H:%M"))


def _id(random: Random, number: int) -> Value:
    return random.choice((number, number, number, str(number), f" {number}", f"{number}.0"))


def _spelled(random: Random, kind: str) -> str:
    return random.choice((kind, kind, kind, kind.upper(), kind.lower(), f"{kind} "))


def _with_spaces(random: Random, text: str) -> str:
    return random.choice((text, text, text, text, f" {text}", f"{text}  ", f"{text}\u00a0"))


if __name__ == "__main__":
    main()
