"""A suggested mapping loads, and reads most of the file that it was made from."""

from pathlib import Path

import pytest

from events.errors import UsageError
from producers.mapping_file import load_mapping
from producers.publish import DryRun
from producers.replay import replay
from producers.sources import locate
from producers.suggest import suggest

SAMPLES = Path(__file__).parents[3] / "sample_data"


@pytest.mark.parametrize(
    ("name", "sheet", "stream", "at_least"),
    [
        ("shop_customers.csv", None, "customers", 250),
        ("shop_products.csv", None, "products", 12),
        ("messaging_customers.csv", None, "customers", 120),
        ("messaging_channels.csv", None, "channels", 4),
        ("messaging_traffic.csv", None, "interactions", 960),
        ("contact_transactions.csv", None, "transactions", 394),
        ("crm_customers.json", None, "customers", 25),
        ("crm_export.xlsx", "Customers", "customers", 5),
        ("crm_export.xlsx", "External interactions", "interactions", 4),
        ("crm_export.xlsx", "Products of discussion", "product_discussions", 3),
    ],
)
def test_samples(tmp_path: Path, name: str, sheet: str | None, stream: str, at_least: int) -> None:
    (location,) = locate(str(SAMPLES / name))
    path = tmp_path / "draft.toml"
    path.write_text(suggest(location, source="draft", sheet=sheet), encoding="utf-8")
    summary = replay([location], load_mapping(path), DryRun())
    assert summary.published[stream] >= at_least


def test_what_is_missing_is_said() -> None:
    (location,) = locate(str(SAMPLES / "shop_orders.csv"))
    text = suggest(location, source="s")
    assert '# currency = "?"' in text
    assert 'amount = { column = "total_amount", symbols = ["$"] }' in text
    assert "# Columns that are not used: status" in text


def test_a_file_without_rows(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text("Id\n")
    with pytest.raises(UsageError, match="has no rows to look at"):
        suggest(locate(str(path))[0], source="s")
