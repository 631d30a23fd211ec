"""The help says what the files say, whatever they say."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import yaml

from replications.__main__ import CONF, run


def test_the_help_is_made_of_the_files_that_a_run_reads(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    conf = shutil.copytree(CONF, tmp_path / "conf")
    protocol = yaml.safe_load((conf / "protocol" / "laptop.yaml").read_text())
    changed = {**protocol, "pictures": 7, "passes": 91, "hidden": {3: 5}}
    (conf / "protocol" / "laptop.yaml").write_text(yaml.safe_dump(changed))
    more = tmp_path / "mine" / "experiment" / "compare"
    more.mkdir(parents=True)
    (more / "scribble.yaml").write_text("name: scribble\nmethod: {title: a scribble}\n")
    monkeypatch.setattr("replications.__main__.CONF", conf)
    assert run(["compare", "--config-dir", str(tmp_path / "mine"), "--help"]) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "hidden units: 5 of layer 3." in said
    assert "Pictures: 7 of each unit in each of 3 sets" in said
    assert "Compute: 91 forward-backward passes" in said
    assert "scribble a scribble" in said
    methods = [path.stem for path in (CONF / "experiment" / "compare").glob("*.yaml")]
    told = said.partition("Methods (")[2].split()
    assert {name.removeprefix("published_") for name in methods} - {"leaderboard"} <= {
        word.rstrip(",") for word in told
    }
    listed = yaml.safe_load((CONF / "compared" / "measures.yaml").read_text())["defaults"]
    names = [name for one in listed if isinstance(one, dict) for name in one.values()]
    assert names
    assert all(f" {name} " in said.partition("Measures (")[2] for name in names)


def test_an_unknown_word_is_told_the_known_ones(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["compair"]) == 2
    assert "replicate: unknown word 'compair'; did you mean compare? valid words: " in capsys.readouterr().err


def test_help_of_a_paper_without_one_is_the_general_help(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        run(["zeiler", "--help"])
    assert ended.value.code == 0
    assert capsys.readouterr().out.startswith("Replicate a paper")
