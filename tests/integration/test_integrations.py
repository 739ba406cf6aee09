"""integrations/ as their users run them: each in an environment of its own, over a database with facts and totals."""

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest

from benchmarks.environments import ROOT, environment
from sql.migrate import rebuild, totals
from tests.integration.sharing_world import fill

pytestmark = [pytest.mark.integrations, pytest.mark.timeout(900)]

FOLDER = ROOT / "integrations"

Run = Callable[..., subprocess.CompletedProcess[str]]


def programs_of(name: str) -> Path:
    """The folder of the programs of an environment, with what integrations/NAME/requirements.txt pins."""
    return environment(FOLDER / name / "requirements.txt", ROOT / ".venv-integrations" / name)


@pytest.fixture
def live(database: str) -> str:
    """URL of a database with facts and totals, as fresh as now."""
    fill(database)
    with psycopg.connect(database) as connection:
        connection.execute(
            "INSERT INTO transactions (transaction_id, occurred_at, quantity, partition, customer_id, product_id,"
            " amount, currency) VALUES (gen_random_uuid(), now(), 1, 0, 'cust-0001', 'p', 1.5, 'EUR')"
        )
        connection.execute(
            "INSERT INTO positions (topic, partition, cluster_id, topic_id, next_offset) VALUES ('t', 0, 'c', 'i', 0)"
        )
    with psycopg.connect(database) as connection:
        for total in totals(connection):
            rebuild(connection, total)
    return database


def run(program: Path, *arguments: str | Path, cwd: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run a program to its end."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "VIRTUAL_ENV"))}
    return subprocess.run(
        [program, *arguments], cwd=cwd, env=kept | variables, capture_output=True, text=True, timeout=600, check=False
    )


@pytest.fixture
def dbt(live: str, tmp_path: Path) -> Run:
    """`dbt` in a project that adds our package, as docs/dbt says."""
    parts = psycopg.conninfo.conninfo_to_dict(live)
    (tmp_path / "packages.yml").write_text(f"packages:\n  - local: {FOLDER / 'dbt'}\n")
    (tmp_path / "dbt_project.yml").write_text("name: theirs\nversion: 1.0.0\nprofile: theirs\n")
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "gold.sql").write_text("select * from {{ ref('c360_customers') }} where segment = 'Gold'\n")
    (tmp_path / "profiles.yml").write_text(
        "theirs:\n  target: here\n  outputs:\n    here:\n      type: postgres\n      schema: theirs\n      threads: 2\n"
        f"      host: {parts['host']}\n      port: {parts['port']}\n      user: {parts['user']}\n"
        f"      password: {parts['password']}\n      dbname: {parts['dbname']}\n"
    )
    program = programs_of("dbt") / "dbt"
    quiet = {"DBT_SEND_ANONYMOUS_USAGE_STATS": "false", "DBT_PROFILES_DIR": str(tmp_path)}
    assert run(program, "deps", cwd=tmp_path, **quiet).returncode == 0
    return lambda *arguments: run(program, *arguments, cwd=tmp_path, **quiet)


def test_the_dbt_package(dbt: Run, live: str, tmp_path: Path) -> None:
    built = dbt("build", "--warn-error")
    assert built.returncode == 0, built.stdout
    assert "ERROR=0" in built.stdout
    with psycopg.connect(live) as connection:
        gold = connection.execute("SELECT count(*) FROM theirs.gold").fetchone()
        assert gold == connection.execute("SELECT count(*) FROM customers WHERE segment = 'Gold'").fetchone()
        shares = connection.execute(
            "SELECT round(sum(share), 6) FROM theirs.c360_interest_by_type GROUP BY customer_type"
        ).fetchall()
        assert {float(share) for (share,) in shares} == {1.0}
    documented = dbt("docs", "generate")
    assert documented.returncode == 0, documented.stdout
    assert "c360_customers" in (tmp_path / "target" / "catalog.json").read_text()


def test_dbt_notices_stale_sources(dbt: Run, live: str) -> None:
    assert dbt("source", "freshness").returncode == 0
    with psycopg.connect(live) as connection:
        connection.execute("UPDATE positions SET committed_at = now() - interval '2 days'")
    stale = dbt("source", "freshness")
    assert (stale.returncode, "ERROR STALE" in stale.stdout) == (1, True), stale.stdout


def test_dbt_notices_wrong_data(dbt: Run, live: str) -> None:
    with psycopg.connect(live) as connection:
        connection.execute("ALTER TABLE customer_purchases DROP CONSTRAINT customer_purchases_pkey")
        connection.execute("INSERT INTO customer_purchases SELECT * FROM customer_purchases LIMIT 1")
    built = dbt("build")
    assert built.returncode == 1
    assert "unique_live_customer_360_customer_purchases_customer_id" in built.stdout


def test_the_great_expectations_suite(live: str, tmp_path: Path) -> None:
    python = programs_of("great_expectations") / "python"
    suite = FOLDER / "great_expectations" / "suite.py"
    variables = {"DATABASE_URL": live, "GX_ANALYTICS_ENABLED": "false"}
    met = run(python, suite, cwd=tmp_path, **variables)
    assert (met.returncode, met.stdout.count("met    ")) == (0, 9), met.stderr
    with psycopg.connect(live) as connection:
        connection.execute("UPDATE channel_totals SET interactions = 0 WHERE customer_id = 'cust-0001'")
    missed = run(python, suite, cwd=tmp_path, **variables)
    assert missed.returncode == 1
    assert [line.split()[2] for line in missed.stdout.splitlines() if line.startswith("NOT")] == ["channel_totals"]


APP_TEST = """
import sys
from streamlit.testing.v1 import AppTest
app = AppTest.from_file(sys.argv[1], default_timeout=60).run()
assert not app.exception, app.exception
print([(metric.label, metric.value) for metric in app.metric], len(app.dataframe))
"""


def test_the_streamlit_page(live: str, tmp_path: Path) -> None:
    done = run(programs_of("streamlit") / "python", "-c", APP_TEST, FOLDER / "streamlit" / "app.py", cwd=tmp_path,
               DATABASE_URL=live)  # fmt: skip
    assert done.returncode == 0, done.stderr
    with psycopg.connect(live) as connection:
        row = connection.execute("SELECT count(*), sum(amount) FROM transactions").fetchone()
    assert row
    assert f"('Orders', '{row[0]:,}')" in done.stdout
    assert f"('Revenue, EUR', '{row[1]:,.2f}')" in done.stdout


def test_configurations_have_the_form_that_their_readers_want(tmp_path: Path) -> None:
    """By the schemas of GitHub's workflows and of Dependabot, pre-commit itself, and a parser of Terraform's HCL."""
    programs = programs_of("checks")
    check = programs / "check-jsonschema"
    workflows = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
    dependabot = ROOT / ".github" / "dependabot.yml"
    for schema, files in (("github-workflows", workflows), ("dependabot", [dependabot])):
        done = run(check, "--builtin-schema", f"vendor.{schema}", *files, cwd=tmp_path)
        assert done.returncode == 0, done.stdout
    hooks = run(programs / "pre-commit", "validate-config", ROOT / ".pre-commit-config.yaml", cwd=tmp_path)
    assert hooks.returncode == 0, hooks.stdout
    terraform = ROOT / "deploy" / "terraform"
    files = [*sorted(terraform.glob("*.tf")), terraform / "terraform.tfvars.example"]
    read = "import hcl2, sys\nfor name in sys.argv[1:]: hcl2.load(open(name))"
    assert len(files) > 5
    assert run(programs / "python", "-c", read, *files, cwd=tmp_path).returncode == 0
