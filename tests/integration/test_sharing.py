"""Schema `shared` has no personal data in it, and its role gets at nothing else, whatever it tries."""

import csv
import hashlib
import hmac
import json
import re
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg
import pytest
from psycopg import sql
from pyarrow import parquet
from starlette.testclient import TestClient

from api.access.tokens import Scope, create_token
from api.app import create_app
from c360.__main__ import run
from settings import ApiSettings
from tests.integration.sharing_world import GROUPS, KEY, fill

K = 5
Said = tuple[int, str, str]


@pytest.fixture
def people(database: str) -> list[dict[str, str]]:
    """The personal data of everybody in the database."""
    return fill(database)


@pytest.fixture
def c360(database: str, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Callable[..., Said]:
    """Run a command on the database; gives exit code, output and complaints."""
    monkeypatch.setenv("DATABASE_URL", database)
    monkeypatch.setenv("C360_SHARING_KEY", KEY)

    def call(*arguments: str | Path) -> Said:
        capfd.readouterr()
        code = run([str(argument) for argument in arguments])
        return code, *capfd.readouterr()

    return call


@pytest.fixture
def partner(database: str, people: list[dict[str, str]], c360: Callable[..., Said]) -> Iterator[psycopg.Connection]:
    """Logged in as a partner; statements are transactions of their own."""
    assert people
    assert c360("share", "refresh")[0] == 0
    name = f"acme_{database.rpartition('_')[2]}"
    code, password, _ = c360("share", "grant", name)
    assert code == 0
    parts = urlsplit(database)
    url = urlunsplit(parts._replace(netloc=f"{name}:{password.strip()}@{parts.hostname}:{parts.port}"))
    with psycopg.connect(url, autocommit=True) as connection:
        yield connection
    with psycopg.connect(database, autocommit=True) as owner:
        owner.execute(sql.SQL("DROP ROLE {}").format(sql.Identifier(name)))


def rows(url: str, question: str) -> list[tuple[object, ...]]:
    with psycopg.connect(url) as connection:
        return connection.execute(question.encode()).fetchall()


def test_nothing_personal_is_shared(partner: psycopg.Connection, people: list[dict[str, str]]) -> None:
    shared = everything(partner)
    assert "Books" in shared, "not tried"
    assert [value for person in people for value in person.values() if value in shared] == []
    assert KEY not in shared


def everything(connection: psycopg.Connection) -> str:
    """All that a connection can read: every table, view and function's text of every schema, as one text."""
    names = connection.execute(
        "SELECT format('%%I.%%I', n.nspname, c.relname) FROM pg_class AS c JOIN pg_namespace AS n"
        " ON n.oid = c.relnamespace WHERE c.relkind IN ('r', 'v', 'm', 'p', 'f', 'S', 't') AND %s::text IS NULL",
        [None],
    ).fetchall()
    found = []
    for (name,) in names:
        with suppress(*REFUSALS, psycopg.errors.WrongObjectType, psycopg.errors.ObjectNotInPrerequisiteState):
            found += connection.execute(f"SELECT t::text FROM {name} AS t".encode()).fetchall()  # noqa: S608
    return "\n".join(str(row[0]) for row in found)


REFUSALS = (psycopg.errors.InsufficientPrivilege, psycopg.errors.FeatureNotSupported)  # the latter: no libxml
ATTEMPTS = [
    "SELECT * FROM customers",
    "TABLE public.pseudonyms",
    "SELECT * FROM public.purchases",
    "SELECT last_name FROM public.customers LIMIT 0",
    "SET search_path = public; SELECT count(*) FROM customers",
    "SELECT * FROM public.rejected_events",
    "SELECT * FROM public.replay_manifests",
    "SELECT hash FROM public.api_tokens",
    "COPY public.customers TO STDOUT",
    "COPY (SELECT 1) TO PROGRAM 'cat'",
    "COPY (SELECT 1) TO '/tmp/shared'",
    "CREATE TEMP TABLE mine (line text)",
    "CREATE TABLE public.mine (line text)",
    "CREATE TABLE shared.mine (line text)",
    "CREATE SCHEMA mine",
    "CREATE VIEW shared.mine AS SELECT * FROM public.customers",
    "CREATE FUNCTION public.mine() RETURNS int LANGUAGE sql AS 'SELECT 1'",
    "CREATE EXTENSION file_fdw",
    "CREATE EXTENSION dblink",
    "SELECT pg_read_file('postgresql.conf')",
    "SELECT pg_read_binary_file('PG_VERSION')",
    "SELECT pg_ls_dir('.')",
    "SELECT pg_stat_file('PG_VERSION')",
    "SELECT lo_import('/etc/passwd')",
    "SELECT lo_export(1, '/tmp/shared')",
    "SELECT * FROM pg_statistic",
    "SELECT * FROM pg_authid",
    "SELECT * FROM pg_user_mapping",
    "SELECT pg_logical_emit_message(false, 'a', 'b'), pg_create_physical_replication_slot('a')",
    "SELECT query_to_xml('SELECT * FROM public.customers', true, false, '')",
    "SELECT table_to_xml('public.customers', true, false, '')",
    "SELECT database_to_xml(true, false, '')::text FROM public.customers",
    "EXPLAIN ANALYZE SELECT * FROM public.customers",
    "DECLARE c CURSOR WITH HOLD FOR SELECT * FROM public.customers",
    "PREPARE p AS SELECT * FROM public.customers; EXECUTE p",
    "DO $$ BEGIN PERFORM * FROM public.customers; END $$",
    "BEGIN; LOCK TABLE public.customers IN ACCESS SHARE MODE",
    "SET SESSION AUTHORIZATION c360",
    "SET ROLE pg_read_all_data",
    "GRANT pg_read_all_data TO partner",
    "ALTER ROLE partner SUPERUSER",
    "ALTER TABLE shared.customers ADD CHECK (pseudonym <> '')",
    "CREATE TRIGGER mine BEFORE INSERT ON shared.customers EXECUTE FUNCTION suppress_redundant_updates_trigger()",
    "CREATE RULE mine AS ON SELECT TO shared.contents DO INSTEAD SELECT 1",
    "CREATE INDEX ON shared.customers (region)",
    "DELETE FROM shared.customers",
    "UPDATE shared.contents SET group_size = 1",
    "TRUNCATE shared.contents",
]


@pytest.mark.parametrize("attempt", ["read only", "writing"])
def test_whatever_it_tries(partner: psycopg.Connection, database: str, attempt: str) -> None:
    """Also after it took off the bounds that its login begins with."""
    owner = str(rows(database, "SELECT current_user")[0][0])
    if attempt == "writing":
        partner.execute("SET default_transaction_read_only = off")
    attempts = [*ATTEMPTS, f'SET ROLE "{owner}"']
    got_through = []
    for statement in attempts:
        with suppress(*REFUSALS, *([psycopg.errors.ReadOnlySqlTransaction] if attempt == "read only" else [])):
            partner.execute(statement.encode())
            got_through.append(statement)
        partner.rollback()
        partner.execute("RESET ROLE; RESET search_path")
    assert got_through == []


def test_catalogues_show_no_samples(partner: psycopg.Connection, database: str, people: list[dict[str, str]]) -> None:
    """pg_stats holds values of tables: of those that one may read."""
    with psycopg.connect(database, autocommit=True) as owner:
        owner.execute("ANALYZE")
    sampled = partner.execute("SELECT schemaname, tablename FROM pg_stats WHERE schemaname !~ '^(pg_|information)'")
    assert {schema for schema, _ in sampled.fetchall()} == {"shared"}
    assert people[0]["email"] not in everything(partner)
    assert partner.execute("SELECT count(*) FROM pg_stats_ext").fetchone() == (0,)


def test_privileges_are_those_on_the_schema_and_no_others(partner: psycopg.Connection, database: str) -> None:
    readable = rows(
        database,
        "SELECT n.nspname FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace"
        " WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' AND c.relkind IN ('r', 'v', 'm', 'S')"
        " AND CASE c.relkind WHEN 'S' THEN has_sequence_privilege('partner', c.oid, 'SELECT, USAGE, UPDATE')"
        " ELSE has_table_privilege('partner', c.oid, 'SELECT, INSERT, UPDATE, DELETE, TRUNCATE, REFERENCES, TRIGGER')"
        " OR has_any_column_privilege('partner', c.oid, 'SELECT, INSERT, UPDATE, REFERENCES') END",
    )
    assert Counter(readable) == {("shared",): 5}
    assert (
        rows(
            database,
            "SELECT proname FROM pg_proc WHERE prosecdef AND has_function_privilege('partner', oid, 'EXECUTE')",
        )
        == []
    )
    powers = "SELECT rolcanlogin, rolsuper, rolcreaterole, rolbypassrls FROM pg_roles WHERE rolname = 'partner'"
    assert rows(database, powers) == [(False,) * 4]
    assert rows(database, "SELECT * FROM pg_auth_members WHERE member = 'partner'::regrole") == []
    assert partner.execute("SELECT setting FROM pg_settings WHERE name = 'statement_timeout'").fetchone() == ("60000",)


def test_pseudonyms_are_keyed_hashes(partner: psycopg.Connection, people: list[dict[str, str]]) -> None:
    shown = {row[0] for row in partner.execute("SELECT pseudonym FROM shared.customers").fetchall()}
    made = {hmac.new(KEY.encode(), one["customer_id"].encode(), hashlib.sha256).hexdigest()[:32] for one in people}
    assert shown <= made
    unkeyed = {hashlib.sha256(one["customer_id"].encode()).hexdigest()[:32] for one in people}
    assert not shown & unkeyed


def test_nobody_can_be_told_from_fewer_than_k(partner: psycopg.Connection) -> None:
    alike = partner.execute(
        "SELECT count(*) FROM shared.customers GROUP BY age_band, region, customer_type, segment, industry"
    ).fetchall()
    assert min(count for (count,) in alike) >= K
    assert partner.execute("SELECT count(*) FROM shared.customers WHERE region = 'IS'").fetchone() == (0,)
    counted = partner.execute("SELECT row_count, withheld FROM shared.contents WHERE name = 'customers'").fetchone()
    assert counted is not None
    assert sum(counted) == sum(GROUPS.values())


def test_small_groups_are_withheld_and_can_not_be_found_by_subtraction(partner: psycopg.Connection) -> None:
    """Boats were bought by two. Whoever knows the total of the month learns the sum of Boats and Games, no more."""
    sold = partner.execute("SELECT category, customers FROM shared.sales_by_month ORDER BY 1").fetchall()
    assert sold == [("Books", sum(GROUPS.values())), ("Toys", 23)]
    spent = {(segment, region): customers for segment, region, customers in partner.execute(
        "SELECT segment, region, customers FROM shared.spend_by_segment").fetchall()}  # fmt: skip
    # Of Gold, two are from IS: the next smallest, AT, goes with them; FR has all of Iron.
    assert spent == {("Gold", "DE"): 19, ("Gold", "CH"): 6, ("Iron", "FR"): 12}
    assert all(count >= K for count in spent.values())


def test_refreshing_again_changes_no_pseudonym_and_another_key_changes_all(
    partner: psycopg.Connection, c360: Callable[..., Said], monkeypatch: pytest.MonkeyPatch
) -> None:
    def pseudonyms() -> set[str]:
        return {row[0] for row in partner.execute("SELECT pseudonym FROM shared.customers").fetchall()}

    before = pseudonyms()
    assert c360("share", "refresh")[0] == 0
    assert pseudonyms() == before
    monkeypatch.setenv("C360_SHARING_KEY", KEY[::-1])
    code, _, complaint = c360("share", "refresh")
    assert (code, "--rotate" in complaint) == (1, True)
    assert pseudonyms() == before
    assert c360("share", "refresh", "--rotate")[0] == 0
    assert len(pseudonyms()) == len(before)
    assert not pseudonyms() & before


def test_a_key_is_needed_and_a_long_one(c360: Callable[..., Said], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("C360_SHARING_KEY", "short")
    code, _, complaint = c360("share", "refresh")
    assert (code, "C360_SHARING_KEY" in complaint) == (2, True)
    monkeypatch.delenv("C360_SHARING_KEY")
    assert c360("share", "refresh")[0] == 2


def test_the_key_is_nowhere_in_the_database(partner: psycopg.Connection, database: str) -> None:
    assert partner.execute("SELECT 1").fetchone()
    with psycopg.connect(database) as owner:
        assert KEY not in everything_of_ours(owner)


def everything_of_ours(owner: psycopg.Connection) -> str:
    tables = owner.execute("SELECT oid::regclass::text FROM pg_class WHERE relkind IN ('r', 'v') AND"
                           " relnamespace IN ('public'::regnamespace, 'shared'::regnamespace)").fetchall()  # fmt: skip
    return "\n".join(
        str(row)
        for (name,) in tables
        for row in owner.execute(f"SELECT t::text FROM {name} AS t".encode())  # noqa: S608
    )


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_an_export_is_what_the_role_sees(
    partner: psycopg.Connection, people: list[dict[str, str]], c360: Callable[..., Said], kind: str, tmp_path: Path
) -> None:
    code, said, _ = c360("share", "export", "--out", tmp_path / "out", "--format", kind, "--json")
    assert code == 0
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text())
    assert manifest == json.loads(said)
    for table in manifest["tables"]:
        path = tmp_path / "out" / table["file"]
        assert hashlib.sha256(path.read_bytes()).hexdigest() == table["sha256"]
        names, exported = read(path)
        assert names == [column["name"] for column in table["columns"]]
        seen = partner.execute(f"SELECT * FROM {table['table']}".encode()).fetchall()  # noqa: S608
        assert len(exported) == table["rows"] == len(seen)
        if table["table"] != "shared.contents":  # times are written in several ways
            assert sorted(list(map(plain, row)) for row in exported) == sorted(list(map(plain, row)) for row in seen)
        assert not any(value in str(exported) for person in people for value in person.values())
    assert c360("share", "export", "--out", tmp_path / "out")[0] == 2


def read(path: Path) -> tuple[list[str], list[list[object]]]:
    if path.suffix == ".parquet":
        table = parquet.read_table(path)
        return table.column_names, [list(row.values()) for row in table.to_pylist()]
    with path.open(newline="") as file:
        names, *found = csv.reader(file)
    return names, found  # type: ignore[return-value]


def plain(value: object) -> str:
    text = str(value)
    return text.rstrip("0").rstrip(".") if "." in text else text


def test_forgetting_takes_the_row_away_and_waits_for_a_refresh(
    partner: psycopg.Connection, database: str, people: list[dict[str, str]]
) -> None:
    """As the processors forget (stream_processors/customers.py), while a refresh holds its lock."""
    gone = hmac.new(KEY.encode(), people[0]["customer_id"].encode(), hashlib.sha256).hexdigest()[:32]
    left = "SELECT count(*) FROM shared.customers WHERE pseudonym = %s"
    assert partner.execute(left, [gone]).fetchone() == (1,)

    def forget() -> None:
        with psycopg.connect(database) as connection:
            connection.execute("DELETE FROM pseudonyms WHERE customer_id = %s", [people[0]["customer_id"]])

    with psycopg.connect(database) as refreshing:
        refreshing.execute("LOCK TABLE pseudonyms IN SHARE ROW EXCLUSIVE MODE")
        forgetting = threading.Thread(target=forget)
        forgetting.start()
        while not rows(database, "SELECT 1 FROM pg_locks WHERE NOT granted AND relation = 'pseudonyms'::regclass"):
            assert forgetting.is_alive()
        assert partner.execute(left, [gone]).fetchone() == (1,)
    forgetting.join()
    assert partner.execute(left, [gone]).fetchone() == (0,)


def test_a_refresh_waits_for_a_forgetting_and_knows_of_it(
    database: str, people: list[dict[str, str]], c360: Callable[..., Said]
) -> None:
    gone = people[0]["customer_id"]
    assert c360("share", "refresh")[0] == 0
    with psycopg.connect(database) as forgetting:
        forgetting.execute("DELETE FROM customers WHERE customer_id = %s", [gone])
        forgetting.execute("DELETE FROM pseudonyms WHERE customer_id = %s", [gone])
        codes: list[int] = []
        refreshing = threading.Thread(target=lambda: codes.append(c360("share", "refresh")[0]))
        refreshing.start()
        while not rows(database, "SELECT 1 FROM pg_locks WHERE NOT granted AND relation = 'pseudonyms'::regclass"):
            assert refreshing.is_alive()
    refreshing.join()
    assert codes == [0]
    assert len(rows(database, "SELECT FROM pseudonyms")) == len(people) - 1
    assert rows(database, f"SELECT FROM pseudonyms WHERE customer_id = '{gone}'") == []


@pytest.fixture
def api(partner: psycopg.Connection, database: str) -> Iterator[TestClient]:
    """The API, for a caller whose token has scope `shared` alone."""
    assert partner.info.dbname in database
    with psycopg.connect(database) as connection:
        token = create_token(connection, "acme", [Scope.SHARED])
    with TestClient(create_app(ApiSettings(), database_url=database)) as client:
        client.headers["Authorization"] = f"Bearer {token}"
        yield client


def test_a_partners_token_is_good_for_what_is_shared_alone(api: TestClient, people: list[dict[str, str]]) -> None:
    paths = api.get("/openapi.json").json()["paths"]
    told, asked = [], people[0]["customer_id"]
    for path, operations in paths.items():
        for method in operations:
            url = re.sub(r"\{\w+\}", "customers" if "shared" in path else asked, path)
            answer = api.request(method, url)
            told.append(answer.text)
            if path.startswith("/api/v1/shared"):
                assert answer.status_code == 200, path
            elif path.startswith("/api") and "health" not in path:
                assert answer.status_code == 403, path
    said = "".join(told).replace(asked, "")  # problems name the path that was asked for
    assert not [value for person in people for value in person.values() if value in said]


def test_the_api_tells_what_the_role_sees(api: TestClient, partner: psycopg.Connection) -> None:
    answer = api.get("/api/v1/shared/spend_by_segment").json()
    seen = partner.execute("SELECT to_jsonb(t) FROM shared.spend_by_segment AS t ORDER BY t").fetchall()
    assert answer["data"] == [row for (row,) in seen]
    assert answer["contents"]["group_size"] == K
    assert [api.get("/api/v1/shared/customers", params={"limit": 1, "page": page}).json()["data"][0]["pseudonym"]
            for page in (1, 2)] == [row[0] for row in partner.execute(
                "SELECT pseudonym FROM shared.customers ORDER BY 1 LIMIT 2").fetchall()]  # fmt: skip
