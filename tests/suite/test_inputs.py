"""What a run's image sets say of themselves reaches the outcome."""

from __future__ import annotations

from pathlib import Path

import torch
from PIL import Image

from replications.suite.inputs import Inputs


def test_skipped_files_are_noted_once(tmp_path: Path) -> None:
    for part in ("train", "val"):
        folder = tmp_path / part / "cat"
        folder.mkdir(parents=True)
        Image.new("RGB", (40, 40), (200, 30, 30)).save(folder / "whole.jpg")
        (folder / "notes.txt").write_text("not an image")
    cut = (tmp_path / "val" / "cat" / "whole.jpg").read_bytes()
    (tmp_path / "val" / "cat" / "cut.jpg").write_bytes(cut[: len(cut) // 2])
    config = {
        "_target_": "replications.data.natural.folder",
        "train": str(tmp_path / "train"),
        "validation": str(tmp_path / "val"),
        "name": "cats",
        "size": 32,
    }
    inputs = Inputs({"network": None, "evaluator": None, "data": config, "second_data": None}, torch.device("cpu"))
    notes = inputs.notes(("network", "data"))
    assert len(notes) == 2
    assert "1 file skipped" in notes[0]
    assert "2 files skipped" in notes[1]
    assert "truncated" in notes[1]
    assert inputs.notes(("network",)) == []
