"""Bad input and a refusing machine: one clear sentence, a non-zero exit, nothing half-written."""

from __future__ import annotations

import errno
import os
import shutil
from pathlib import Path
from typing import Any

import pytest
from conftest import Dummy

from replications.paths import atomic_write
from replications.suite.errors import unknown


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["experiments=fig3"], "unknown experiment 'fig3'; did you mean fig2 or fig1 or fig10?"),
        (["experiments=[fig1,tabel1]"], "unknown experiment 'tabel1'; did you mean table1 or table2?"),
        (["profile=laptpo"], "unknown profile 'laptpo'; did you mean laptop? valid profiles: laptop, imagenet, "),
        (
            ["paper=dumy"],
            "unknown paper 'dumy'; did you mean dummy? valid papers: dummy, compare, multifaceted, ppgn, ",
        ),
        (["network=toy_ohter"], "unknown network 'toy_ohter'; did you mean toy_other? valid networks: toy_other, "),
        (["data=tooy"], "unknown data set 'tooy'; did you mean toy"),
        (["sede=1"], "unknown setting 'sede'; did you mean seed?"),
        (["experiment.fig1.stesp=1"], "unknown setting 'stesp'; did you mean steps?"),
        (["experiment.fig3.steps=1"], "unknown setting 'fig3'; did you mean fig2 or fig1 or fig10?"),
        (["seed=minus"], "seed must be a whole number from 0, found 'minus'"),
        (["full=perhaps"], "full must be true or false, found 'perhaps'"),
        (["evaluator=toy"], "the evaluator is one of the networks: name it by network@evaluator=toy"),
        (["network@evaluator=null"], "network@evaluator=null chooses nothing; choose one of alexnet, "),
        (["data=null"], "data=null chooses nothing; choose one of "),
        (["device=gpu"], "unknown device 'gpu'; valid devices: auto, cpu, cuda"),
        (["seed"], "can't read the argument 'seed': expected NAME=VALUE"),
        (["seed=0,1"], "Ambiguous value for argument 'seed=0,1'"),
        (["--multirun", "sede=0,1"], "unknown setting 'sede'; did you mean seed?"),
        (["--multirun", "network=toy,toy_ohter"], "unknown network 'toy_ohter'; did you mean toy_other?"),
        (["--multirun", "seed"], "can't read the argument 'seed': expected NAME=VALUE"),
    ],
)
def test_a_wrong_word_gets_one_sentence_with_the_valid_ones(dummy: Dummy, words: list[str], sentence: str) -> None:
    status, said = dummy.run(*words)
    assert status == 2
    assert said.startswith(f"replicate: {sentence}")
    assert said.count("\n") == 1
    assert not (dummy.results / "runs").exists()


def test_an_unknown_layer_fails_its_experiment_and_lists_the_layers(dummy: Dummy) -> None:
    status, said = dummy.run("experiments=[fig1,fig2]", "experiment.fig1.layer=conv9")
    assert status == 1
    assert "failed: UnknownLayer: unknown layer 'conv9'; valid layers: conv1, conv2, fc" in said
    assert "fig2       done" in said


def test_a_missing_data_root_is_named(dummy: Dummy, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("REPLICATIONS_DATA")
    status, said = dummy.run("profile=toy_folder", "experiments=fig2")
    assert status == 2
    assert "the environment variable REPLICATIONS_DATA is not set" in said
    assert "Traceback" not in said


def test_a_missing_data_folder_is_named(dummy: Dummy) -> None:
    status, said = dummy.run("profile=toy_folder", "experiments=fig2")
    assert status == 2
    assert said.startswith("replicate: can't load the data: the image folder '")
    assert said.count("\n") == 1


def test_broken_weights_end_the_run_with_one_sentence(dummy: Dummy) -> None:
    (dummy.root / "data" / "weights.bin").write_bytes(b"broken")
    status, said = dummy.run("experiments=fig1")
    assert status == 2
    assert "replicate: can't load the network: the weights file 'weights.bin' is truncated" in said
    assert "Traceback" not in said


@pytest.mark.parametrize(("number", "words"), [(errno.ENOSPC, "no space is left"), (errno.EROFS, "read-only")])
def test_a_refusing_disk_ends_the_run_and_leaves_nothing_half_written(
    dummy: Dummy, monkeypatch: pytest.MonkeyPatch, number: int, words: str
) -> None:
    dummy.run("experiments=fig1")

    def refuse(*_: Any) -> None:
        raise OSError(number, os.strerror(number))

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", refuse)
        status, said = dummy.run("experiments=fig2")
    assert status == 2
    assert words in said
    assert "Traceback" not in said
    assert dummy.left_behind() == []
    assert not list(dummy.runs.glob("fig2-*"))
    dummy.calls()
    status, _ = dummy.run("experiments=[fig1,fig2]")
    assert status == 0
    assert dummy.calls() == {"fig2": 1}  # what was done before is still there, and the other is measured again


def test_a_results_folder_that_is_a_file_is_named(dummy: Dummy, monkeypatch: pytest.MonkeyPatch) -> None:
    place = dummy.root / "file"
    place.write_text("")
    monkeypatch.setenv("REPLICATIONS_RESULTS", str(place))
    monkeypatch.setattr("replications.suite.ledger.results_root", lambda: dummy.results)
    status, said = dummy.run("experiments=fig2")
    assert status == 2
    assert str(place) in said
    assert "Traceback" not in said


@pytest.mark.skipif(os.geteuid() != 0 or shutil.which("mount") is None, reason="mounting needs root")
def test_a_disk_that_is_really_full(dummy: Dummy) -> None:
    import subprocess

    runs = dummy.results / "runs"
    runs.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=24k", "none", str(runs)], capture_output=True).returncode:
        pytest.skip("a small file system can't be mounted here")
    try:
        status, said = dummy.run("experiments=fig2")
        assert status == 2
        assert "no space is left on the disk" in said
        assert dummy.left_behind() == []
    finally:
        subprocess.run(["umount", str(runs)], check=True)


def test_a_short_write_of_numpys_is_a_full_disk(tmp_path: Path) -> None:
    """What numpy raises there has no number that names the reason."""

    def write() -> None:
        with atomic_write(tmp_path / "shard.npy"):
            raise OSError("12288000 requested and 1048448 written")

    with pytest.raises(OSError, match="no space is left on the disk") as raised:
        write()
    assert raised.value.errno == errno.ENOSPC
    assert list(tmp_path.iterdir()) == []


def test_an_interrupted_write_keeps_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "numbers.json"
    path.write_text("old")

    def write() -> None:
        with atomic_write(path, "w") as file:
            file.write("half")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        write()
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_close_names_come_first() -> None:
    assert unknown("layer", "conv33", ["relu1", "conv3", "conv1"]) == (
        "unknown layer 'conv33'; did you mean conv3 or conv1? valid layers: conv3, conv1, relu1"
    )


def test_copies_of_one_run_are_refused(dummy: Dummy, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TORCHELASTIC_RUN_ID", "none")
    monkeypatch.setenv("WORLD_SIZE", "2")
    status, said = dummy.run()
    assert status == 2
    assert "start one run for each GPU instead" in said
    monkeypatch.setenv("WORLD_SIZE", "1")
    assert dummy.run("experiments=fig1")[0] == 0
