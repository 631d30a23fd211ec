"""The dummy paper, run in this process with folders of its own."""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

DUMMY = Path(__file__).parent / "dummy"


def _hear_interrupts() -> None:
    """What a shell starts in the background ignores Ctrl-C, and hands that on to its children."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@dataclasses.dataclass
class Dummy:
    """One results folder and one data folder, and runs of the dummy paper over them."""

    root: Path
    conf: Path
    capsys: pytest.CaptureFixture[str]

    @property
    def results(self) -> Path:
        return self.root / "results"

    @property
    def runs(self) -> Path:
        return self.results / "runs" / "dummy" / "toy"

    @property
    def page(self) -> Path:
        return self.runs / "report" / "index.html"

    def arguments(self, *words: str) -> list[str]:
        profile = [] if any(word.startswith("profile=") for word in words) else ["profile=toy"]
        options = [word for word in words if word.startswith("-")]
        chosen = [word for word in words if not word.startswith("-")]
        return [*options, "--config-dir", str(self.conf), "paper=dummy", *profile, *chosen]

    def run(self, *words: str) -> tuple[int, str]:
        """Exit status and what was said."""
        from replications.__main__ import run

        self.capsys.readouterr()
        status = run(self.arguments(*words))
        captured = self.capsys.readouterr()
        return status, captured.err + captured.out

    def start(self, *words: str, session: bool = False) -> subprocess.Popen[str]:
        """The same in a process of its own. session: leads a group, so that all its processes can be killed."""
        return subprocess.Popen(
            [sys.executable, "-m", "replications", *self.arguments(*words)],
            env={**os.environ, "PYTHONPATH": str(DUMMY)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            preexec_fn=_hear_interrupts,
            start_new_session=session,
        )

    def calls(self) -> Counter[str]:
        """How often each experiment was begun and the network loaded since the last look."""
        path = self.root / "calls"
        found = Counter(path.read_text().split()) if path.exists() else Counter()
        path.unlink(missing_ok=True)
        return found

    def folder(self, experiment: str) -> Path:
        (found,) = self.runs.glob(f"{experiment}-*")
        return found

    def document(self, experiment: str) -> dict[str, Any]:
        return json.loads((self.folder(experiment) / "outcome.json").read_text())

    def left_behind(self) -> list[str]:
        """Temporary files anywhere below the results."""
        return [str(p) for p in self.results.rglob("*") if p.name.endswith((".tmp", ".old"))]


@pytest.fixture
def dummy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Dummy:
    monkeypatch.syspath_prepend(DUMMY)
    for name in ("results", "data", "cache"):
        (tmp_path / name).mkdir()
        monkeypatch.setenv(f"REPLICATIONS_{name.upper()}", str(tmp_path / name))
    monkeypatch.setenv("DUMMY_CALLS", str(tmp_path / "calls"))
    monkeypatch.delenv("REPLICATIONS_TRACEBACK", raising=False)
    (tmp_path / "results" / "reported").mkdir()
    shutil.copy(DUMMY / "ledger.yaml", tmp_path / "results" / "reported" / "dummy.yaml")
    (tmp_path / "data" / "weights.bin").write_bytes(b"weights")
    (tmp_path / "data" / "other.bin").write_bytes(b"other")
    (tmp_path / "data" / "models").mkdir()
    (tmp_path / "data" / "models" / "first.bin").write_bytes(b"first")
    conf = shutil.copytree(DUMMY / "conf", tmp_path / "conf")
    return Dummy(tmp_path, conf, capsys)
