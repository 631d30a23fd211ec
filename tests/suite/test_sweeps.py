"""A sweep's runs end as runs do, whoever launches them; what is cut off goes on where it stopped."""

from __future__ import annotations

import os
import pickle
import signal
import subprocess
import time

import pytest
from conftest import Dummy

from replications.suite.launch import Job, name_of
from replications.suite.page import replicate

JOBLIB = ("hydra/launcher=joblib", "hydra.launcher.n_jobs=2")


def _measured(dummy: Dummy) -> dict[str, bytes]:
    """Everything measured: the files of all outcomes, and their documents without provenance."""
    return {
        str(path.relative_to(dummy.runs)): path.read_bytes().split(b'"provenance"')[0]
        for path in dummy.runs.glob("fig*-*/*")
    }


def _end(process: subprocess.Popen[str]) -> tuple[int, str]:
    said = process.communicate(timeout=240)[0]
    return process.returncode, said


def test_one_bad_run_of_a_sweep_is_told_and_the_others_still_run(dummy: Dummy) -> None:
    words = ["-m", "experiments=fig2", "experiment.fig2.fail=error,''", "seed=0,1"]
    status, said = dummy.run(*words)
    assert status == 1
    assert "sweep      4 runs, not well: 1, 2\n" in said
    assert len(list(dummy.runs.glob("fig2-*"))) == 2


def test_wrong_input_in_one_run_is_one_sentence_and_the_others_still_run(dummy: Dummy) -> None:
    (dummy.root / "data" / "other.bin").write_bytes(b"broken")
    status, said = dummy.run("-m", "experiments=fig1", "network=toy_other,toy", "seed=0")
    assert status == 2
    assert "replicate: run 1: " in said
    assert "'other.bin' is truncated" in said
    assert "Traceback" not in said
    assert len(list(dummy.runs.glob("fig1-*"))) == 1


def test_each_run_has_its_own_page_named_by_what_it_differs_in(dummy: Dummy) -> None:
    dummy.run("-m", "experiments=fig2", "experiment.fig2.steps=1,2", "seed=0,1")
    pages = sorted(path.parent.name for path in dummy.runs.glob("*/index.html"))
    assert pages == [
        "report-experiment.fig2.steps=1",
        "report-experiment.fig2.steps=2",
        "report-seed1-experiment.fig2.steps=1",
        "report-seed1-experiment.fig2.steps=2",
    ]


def test_runs_of_several_experiments_share_a_page_with_all_of_them(dummy: Dummy) -> None:
    status, _ = dummy.run("-m", "experiments=fig1,fig2,fig10")
    assert status == 0
    assert [path.parent.name for path in dummy.runs.glob("*/index.html")] == ["report"]
    page = dummy.page.read_text()
    assert all(f"pictures/{name}-a-line.png" in page for name in ("fig1", "fig2", "fig10"))


def test_a_sweep_is_the_same_whoever_launches_it() -> None:
    def named(*more: str, seeds: str = "01") -> str:
        return name_of([["paper=dummy", f"seed={seed}", *more] for seed in seeds])

    assert named().startswith("sweep-dummy-")
    assert named(*JOBLIB, "tracking=disabled", "tracking.mode=offline") == named()
    assert named(seeds="012") != named() != named("full=true")


def test_a_job_travels_to_another_process() -> None:
    job = Job(replicate, "sweep-dummy-1", frozenset({"paper=dummy"}))
    assert pickle.loads(pickle.dumps(job)) == job


def test_joblib_measures_what_one_process_does_and_hands_back_how_each_run_ended(dummy: Dummy) -> None:
    words = ("-m", "experiments=[fig2,fig10]", "seed=0,1", "experiment.fig2.fail='',error")
    status, _ = dummy.run(*words)
    assert status == 1
    alone = _measured(dummy)
    dummy.calls()
    dummy.runs.rename(dummy.root / "alone")
    status, said = _end(dummy.start(*words, *JOBLIB))
    assert status == 1, said
    assert "sweep      4 runs, not well: 2, 4\n" in said
    assert dummy.calls() == {"fig2": 4, "fig10": 2}
    assert _measured(dummy) == alone
    assert (dummy.runs / "report-seed1-experiment.fig2.fail" / "index.html").is_file()


@pytest.mark.parametrize("launcher", [(), pytest.param(JOBLIB, marks=pytest.mark.slow)], ids=["basic", "joblib"])
def test_a_killed_sweep_goes_on(dummy: Dummy, launcher: tuple[str, ...]) -> None:
    words = ("-m", "experiments=[fig1,fig2]", "seed=0,1", "experiment.fig2.steps=3", "experiment.fig2.pause=0.3")
    assert dummy.run(*words)[0] == 0
    undisturbed = _measured(dummy)
    dummy.calls()
    dummy.runs.rename(dummy.root / "undisturbed")
    process = dummy.start(*words, *launcher, session=True)
    deadline = time.monotonic() + 240
    while not list((dummy.runs / ".work").glob("fig2-*/1.npy")):
        assert time.monotonic() < deadline, "it took too long to begin"
        assert process.poll() is None, process.communicate()[0]
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    finished = {path.name.partition("-")[0]: 1 for path in dummy.runs.glob("fig*-*")}
    first = dummy.calls()
    assert first["fig1"] >= len(finished)
    done = len(list(dummy.runs.glob("fig*-*")))
    assert 1 <= done < 4
    status, said = _end(dummy.start(*words, *launcher))
    assert status == 0, said
    again = dummy.calls()
    assert again["fig1"] + again["fig2"] == 4 - done
    assert _measured(dummy) == undisturbed
    assert dummy.left_behind() == []
