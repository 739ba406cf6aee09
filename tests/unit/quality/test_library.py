"""Where checks come from: our folder, a folder of the user's own, and what is wrong with a file."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from events.errors import UsageError
from quality.checks import Check, Level
from quality.library import choose, load_checks
from quality.report import render_report
from quality.runs import Result, Run

WRITTEN = """-- Every customer has
-- an industry.
-- level: error
-- remedy: Add it
-- at the source.
-- kept: segment, country
SELECT * FROM customers WHERE industry IS NULL;
"""


def test_ours_say_what_they_mean() -> None:
    for name, check in load_checks().items():
        assert check.name == name
        assert check.meaning.endswith(".")
        assert check.remedy.endswith(".")


def test_a_file_of_ones_own(tmp_path: Path) -> None:
    (tmp_path / "have_an_industry.sql").write_text(WRITTEN)
    checks = load_checks(tmp_path)
    assert checks.keys() == {*load_checks(), "have_an_industry"}
    assert list(checks) == sorted(checks)
    check = checks["have_an_industry"]
    assert (check.level, check.kept) == (Level.ERROR, ("segment", "country"))
    assert (check.meaning, check.remedy) == ("Every customer has an industry.", "Add it at the source.")
    assert check.query.endswith("industry IS NULL")


def test_own_declarations_replace_and_switch_off(tmp_path: Path) -> None:
    (tmp_path / "own.toml").write_text(
        '[transactions_are_fresh]\nkind = "fresh"\nlevel = "warn"\nmeaning = "m"\nremedy = "r"\n'
        'table = "shop.orders"\ncolumn = "at"\nwithin = "6 hours"\n[interactions_are_fresh]\nkind = "off"\n'
    )
    checks = load_checks(tmp_path)
    assert "interactions_are_fresh" not in checks
    assert checks["transactions_are_fresh"].level is Level.WARN
    assert '"shop"."orders"' in checks["transactions_are_fresh"].query


@pytest.mark.parametrize(
    ("file", "text", "said"),
    [
        ("a.sql", "SELECT 1", "missing: level, remedy"),
        ("a.sql", "-- level: warn\n-- remedy: r\nSELECT 1", "missing: what it means"),
        ("a.sql", "-- m\n-- level: bad\n-- remedy: r\nSELECT 1", "level 'bad' is not known"),
        ("A.sql", WRITTEN, "can't be called 'A'"),
        ("a.toml", "x", "a.toml: "),
        ("a.toml", '[a]\nkind = "unheard_of"', "unheard_of"),
        ("a.toml", '[a]\nkind = "off"\nlevel = "warn"', "level"),
        ("a.toml", '[a]\nkind = "unique"\nlevel = "warn"\nmeaning = "m"\nremedy = "r"\ntable = "t"', "columns"),
        (
            "a.toml",
            '[a]\nkind="range"\nlevel="warn"\nmeaning="m"\nremedy="r"\ntable="t"\ncolumn="c"\nshow=["c"]',
            "`least` or `most`",
        ),
        ("a.toml", '["a b"]\nkind = "off"', "can't be called 'a b'"),
    ],
)
def test_what_cannot_be_used_is_named(tmp_path: Path, file: str, text: str, said: str) -> None:
    (tmp_path / file).write_text(text)
    with pytest.raises(UsageError) as error:
        load_checks(tmp_path)
    assert said in str(error.value)
    assert file in str(error.value)


def test_two_of_one_name_and_no_folder(tmp_path: Path) -> None:
    (tmp_path / "a.sql").write_text(WRITTEN)
    (tmp_path / "b.toml").write_text('[a]\nkind = "off"')
    with pytest.raises(UsageError, match="two checks called 'a'"):
        load_checks(tmp_path)
    with pytest.raises(UsageError, match="no folder"):
        load_checks(tmp_path / "nowhere")


def test_names_that_are_none() -> None:
    checks = load_checks()
    assert choose(checks, []) == list(checks.values())
    assert [check.name for check in choose(checks, ["revenue_agrees"])] == ["revenue_agrees"]
    with pytest.raises(UsageError, match="choose from"):
        choose(checks, ["nothing"])


def test_names_in_declarations_are_quoted(tmp_path: Path) -> None:
    (tmp_path / "own.toml").write_text(
        '[a]\nkind = "accepted_values"\nlevel = "warn"\nmeaning = "m"\nremedy = "r"\n'
        'table = "t\\"; DROP TABLE t"\ncolumn = "c"\nvalues = ["it\'s"]\n'
    )
    query = load_checks(tmp_path)["a"].query
    assert '"t""; DROP TABLE t"' in query
    assert "'it''s'" in query


def test_the_report_is_escaped_and_worst_first() -> None:
    names = ("all_is_well", "all_is_bad")
    checks = [
        Check(name=name, level=Level.ERROR, meaning="<b>m</b>", remedy="r", kept=("a",), query="") for name in names
    ]
    at = datetime(2026, 1, 2, 3, 4, tzinfo=UTC)
    runs = [
        Run(check=name, level=Level.ERROR, started_at=at, seconds=0.1, result=result, offenders=n, examples=examples)
        for name, result, n, examples in (
            ("all_is_well", Result.PASSED, 0, ()),
            ("all_is_bad", Result.FAILED, 1234, [{"a": "<script>", "secret": "jane"}]),
        )
    ]
    page = render_report(checks, runs, {"all_is_bad": runs[::-1]}, now=at)
    assert page.index("all is bad") < page.index("all is well")
    assert "Friday, 02 January 2026, 03:04 UTC" in page
    assert "&lt;script&gt;" in page
    assert "&lt;b&gt;m&lt;/b&gt;" in page
    assert "1,234 offending rows" in page
    assert "jane" not in page
