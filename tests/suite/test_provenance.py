"""The commit that an outcome says it comes from."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from replications.suite import provenance


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A project with one commit."""
    for name in (
        "code.py",
        "results/recorded/zeiler/fig1.json",
        "results/verdicts/zeiler.json",
        "results/reported.yaml",
    ):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("a")
    author = ("-c", "user.name=a", "-c", "user.email=a@example.org")
    for words in (("init", "--quiet"), ("add", "."), (*author, "commit", "--quiet", "--message", "all")):
        subprocess.run(["git", *words], cwd=tmp_path, check=True)
    monkeypatch.setattr(provenance, "project_root", lambda: tmp_path)
    provenance.commit.cache_clear()
    yield tmp_path
    provenance.commit.cache_clear()


def dirty() -> bool:
    provenance.commit.cache_clear()
    found, differs = provenance.commit()
    assert found is not None
    assert len(found) == 40
    return differs


def test_what_is_recorded_does_not_make_the_tree_dirty(project: Path) -> None:
    assert not dirty()
    (project / "results/recorded/zeiler/fig1.json").write_text("b")
    (project / "results/verdicts/zeiler.json").unlink()
    (project / "untracked.py").write_text("b")
    assert not dirty()


@pytest.mark.parametrize("name", ["code.py", "results/reported.yaml"])
def test_what_a_run_is_made_of_does(project: Path, name: str) -> None:
    (project / name).write_text("b")
    assert dirty()


def test_outside_a_checkout_there_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(provenance, "project_root", lambda: tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    provenance.commit.cache_clear()
    assert provenance.commit() == (None, False)
    provenance.commit.cache_clear()
