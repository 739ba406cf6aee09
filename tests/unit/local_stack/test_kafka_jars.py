"""Apache Kafka's jars and the Java to run them on: what is found, what is refused, and what the refusal says."""

import io
from collections.abc import Iterator
from pathlib import Path

import pytest
import stamina

from events.errors import Unavailable, UsageError
from local_stack import kafka_jars


def _fake_java(folder: Path, version: str) -> Path:
    program = folder / "bin" / "java"
    program.parent.mkdir(parents=True)
    program.write_text(f"#!/bin/sh\necho 'openjdk version \"{version}\" 2025-01-01' >&2\n")
    program.chmod(0o755)
    return program


@pytest.fixture
def no_java(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine without Java."""
    monkeypatch.setenv("PATH", str(tmp_path / "empty"))
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setattr(kafka_jars, "find_spec", lambda _: None)


@pytest.mark.usefixtures("no_java")
@pytest.mark.parametrize("version", ["17.0.15", "25", "21.0.1-ea"])
def test_java_home_comes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, version: str) -> None:
    program = _fake_java(tmp_path / "jdk", version)
    monkeypatch.setenv("JAVA_HOME", str(tmp_path / "jdk"))
    assert kafka_jars.java() == program


@pytest.mark.usefixtures("no_java")
def test_an_old_java_is_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    old, new = _fake_java(tmp_path / "old", "1.8.0_402"), _fake_java(tmp_path / "new", "17.0.1")
    monkeypatch.setenv("JAVA_HOME", str(old.parents[1]))
    with pytest.raises(UsageError, match=r"Java 17 or newer, .*/java is Java 8: install one and set JAVA_HOME, or pip"):
        kafka_jars.java()
    monkeypatch.setenv("PATH", str(new.parent))
    assert kafka_jars.java() == new


@pytest.mark.usefixtures("no_java")
def test_no_java_at_all() -> None:
    with pytest.raises(UsageError, match="and none was found"):
        kafka_jars.java()


def test_a_jar_that_is_not_the_pinned_one_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(kafka_jars, "urlopen", lambda *_, **__: io.BytesIO(b"something else"))
    with pytest.raises(Unavailable, match="SHA-256"):
        kafka_jars.class_path()
    assert not list(tmp_path.rglob("*.jar"))


@pytest.fixture
def _at_once() -> Iterator[None]:
    """Tries once, instead of again and again."""
    stamina.set_active(False)
    yield
    stamina.set_active(True)


@pytest.mark.usefixtures("_at_once")
def test_no_way_to_the_repository_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise ConnectionRefusedError("nobody there")

    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(kafka_jars, "urlopen", refuse)
    with pytest.raises(Unavailable, match=r"can't be downloaded .*nobody there.*try again"):
        kafka_jars.class_path()


def test_the_version_is_that_of_the_pins() -> None:
    assert kafka_jars.version().startswith("4.")
