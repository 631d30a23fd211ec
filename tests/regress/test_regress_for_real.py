"""The regression check itself: on the code as it is nothing got worse."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from replications.paths import project_root


@pytest.mark.regress
def test_nothing_got_worse(tmp_path: Path) -> None:
    environment = {**os.environ, "REPLICATIONS_RESULTS": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-m", "replications", "regress"],
        cwd=project_root(),
        env=environment,
        capture_output=True,
        text=True,
        timeout=3600,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Nothing got worse" in done.stdout
    assert (tmp_path / "runs" / "regress" / "laptop" / "report" / "index.html").is_file()
