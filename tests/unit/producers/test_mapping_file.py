"""Mistakes in a mapping file are told with file, line, key and mend, before the first row is read."""

from collections.abc import Callable
from pathlib import Path

import pytest

from events.errors import UsageError
from producers.mapping import Mapping
from producers.mapping_file import load_mapping

HEAD = 'source = "test"\n[[streams]]\nstream = "customers"\n[streams.fields]\ncustomer_id = "Id"\n'  # 5 lines
FACTS = 'source = "test"\n[[streams]]\nstream = "interactions"\n[streams.fields]\ncustomer_id = "Id"\nchannel = "C"\n'


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('source = "a\nb', "is not TOML: .*line 1"),
        ("", "the key 'source' is missing"),
        ('source = "a"\nstreams = []', "line 2: 'streams': Expected `array` of length >= 1"),
        ('source = ""\nstreams = [{}]', "line 1: 'source': Expected `str` of length >= 1"),
        ('sorce = "a"', "unknown key 'sorce': did you mean 'source'"),
        ('zone = "Mars"\nsource = "a"\n[[streams]]', "line 1: there is no time zone 'Mars': expected a name such as"),
        ('source = "a"\n\n[[streams]]\nsheet = "S"', "line 3: the key 'stream' is missing"),
        ('source = "a"\n[[streams]]\nstream = "customer"\nfields = {a="b"}', "line 3: .* did you mean 'customers'"),
        (
            'source = "a"\n[[streams]]\nstream = "customers"\nshet="S"',
            "line 4: unknown key 'shet': did you mean 'sheet'",
        ),
        (
            'source = "a"\n[[streams]]\nstream = "rejected_events"\nfields = {a="b"}',
            "there is no stream 'rejected_events'",
        ),
        (
            'source = "a"\n[[streams]]\nstream = "customers"\nfields = {email="b"}',
            "line 4: .* needs the field 'customer_id'",
        ),
        (HEAD + 'emial = "E"', "line 6: stream 'customers' has no field 'emial': did you mean 'email'"),
        (HEAD + "email = 3", "line 6: field 'email' of stream 'customers': expected the name of a column"),
        (HEAD + 'email = {colunm = "E"}', "line 6: field 'email' .* unknown key 'colunm': did you mean 'column'"),
        (HEAD + "email = {}", "line 6: field 'email' .* give either a column or a constant"),
        (HEAD + 'email = {column="E", constant="a"}', "give either a column or a constant"),
        (HEAD + 'email = {constant="a", default="b"}', "a constant is never empty"),
        (HEAD + 'email = {column="E", format="%d"}', "`format` has no meaning for it"),
        (HEAD + 'email = {column="E", empty="keep"}', "'empty': Invalid enum value"),
        (HEAD + 'email = {column="E", empty="clear", default="x"}', "give either `default` or `empty`"),
        (HEAD + 'account_balance = {column="E", only=["1"]}', "`only` has no meaning for it"),
        (HEAD + 'account_balance = {column="E", default="much"}', "'much' is not a number"),
        (HEAD + f'segment = {{constant="{"x" * 201}"}}', "Expected `str` of length <= 200"),
        (HEAD + 'date_of_birth = {column="E", zone="UTC"}', "`zone` has no meaning"),
        (HEAD + 'date_of_birth = {column="E", format="%d/%m"}', "'%d/%m' does not say the whole date"),
        (HEAD + 'created_at = {column="E", format="%Q"}', "the format '%Q' can't be used: 'Q' is a bad directive"),
        (HEAD + 'created_at = {column="E", format="%d %d"}', "the format '%d %d' can't be used"),
        (HEAD + '[streams.fields.created_at]\ncolumn="E"\nzone="Mars"', "line 6: there is no time zone 'Mars'"),
        (
            HEAD + 'segment = {column="S", values={a="B"}, only=["C"]}',
            "turns 'a' into 'B', which `only` does not accept",
        ),
        (HEAD + 'customer_id = "Id"', "is not TOML: Cannot overwrite a value"),
        (FACTS, "line 4: stream 'interactions' needs the field 'occurred_at': map it"),
        (FACTS + 'occurred_at="D"\nproduct={column="P", empty="clear"}', "line 8: .* is for attributes of customers"),
        (FACTS + 'occurred_at="D"\ncount={column="N", default=0}', "line 8: .* Expected `int` >= 1"),
    ],
)
def test_mistakes(mapping: Callable[[str], Mapping], text: str, message: str) -> None:
    with pytest.raises(UsageError, match=message) as caught:
        mapping(text)
    assert "mapping.toml" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_the_line_is_that_of_the_right_stream(mapping: Callable[[str], Mapping]) -> None:
    with pytest.raises(UsageError, match="line 10: stream 'customers' has no field 'x'"):
        mapping(HEAD + '[[streams]]\nstream = "customers"\n[streams.fields]\ncustomer_id = "Id"\nx = "X"\n')


def test_a_missing_file_says_how_to_name_another(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"there is no mapping file .*: write one, or name another with --mapping"):
        load_mapping(tmp_path / "none.toml")


def test_a_file_that_is_no_text(tmp_path: Path) -> None:
    (tmp_path / "m.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(UsageError, match="can't be read"):
        load_mapping(tmp_path / "m.toml")
    with pytest.raises(UsageError, match="can't be read"):
        load_mapping(tmp_path)


def test_what_a_mapping_holds(mapping: Callable[[str], Mapping]) -> None:
    loaded = mapping("\ufeff" + FACTS + 'occurred_at = " When "\nrevenue = { constant = 1.5 }\n')
    (stream,) = loaded.streams
    assert loaded.source == "test"
    assert (stream.stream, stream.sheet, stream.derives_identity) == ("interactions", None, True)
    assert stream.columns == (("Id",), ("C",), ("When",))
    assert stream.column_of("occurred_at") == "When"
    assert str(stream.constants["revenue"]) == "1.5"


def test_a_mapped_event_id_is_not_derived(mapping: Callable[[str], Mapping]) -> None:
    (stream,) = mapping(FACTS + 'occurred_at = "When"\nevent_id = "No"').streams
    assert not stream.derives_identity
