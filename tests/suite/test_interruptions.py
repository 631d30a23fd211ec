"""Killed and started again, or started twice at once: the numbers are those of one undisturbed run, bit for bit."""

from __future__ import annotations

import signal
import time

from conftest import Dummy

from replications.paths import file_lock

WORDS = ("experiments=[fig1,fig2,fig10]", "experiment.fig2.pause=0.4", "experiment.fig2.steps=5")


def _bytes(dummy: Dummy) -> dict[str, bytes]:
    """Everything measured: the files of all outcomes, and their documents without provenance."""
    found = {}
    for path in sorted(dummy.runs.glob("*-*/*")):
        if path.parent.name == "report":
            continue
        content = path.read_bytes()
        found[str(path.relative_to(dummy.runs))] = content.split(b'"provenance"')[0]
    return found


def test_a_killed_run_goes_on_where_it_stopped(dummy: Dummy) -> None:
    dummy.run(*WORDS)
    undisturbed = _bytes(dummy)
    assert len(undisturbed) == 12
    dummy.calls()
    dummy.runs.rename(dummy.root / "undisturbed")
    process = dummy.start(*WORDS)
    deadline = time.monotonic() + 120
    while not list((dummy.runs / ".work").glob("fig2-*/1.npy")):  # in the middle of the second experiment
        assert time.monotonic() < deadline, "it took too long to begin"
        assert process.poll() is None
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert dummy.calls() == {"network": 1, "fig1": 1, "fig2": 1}
    assert not list(dummy.runs.glob("fig2-*"))
    status, _ = dummy.run(*WORDS)
    assert status == 0
    assert dummy.calls() == {"fig2": 1, "fig10": 1}  # the first one is not measured again
    assert _bytes(dummy) == undisturbed
    assert dummy.left_behind() == []
    assert not list((dummy.runs / ".work").iterdir())


def test_a_second_run_of_the_same_thing_waits_for_the_first(dummy: Dummy) -> None:
    dummy.run("experiments=fig2")
    done = dummy.folder("fig2")
    aside = done.rename(dummy.root / "aside")
    dummy.calls()
    with file_lock(dummy.runs / ".locks" / f"{done.name}.lock"):  # as a process that is measuring it holds it
        second = dummy.start("experiments=fig2")
        assert second.stdout is not None
        said = second.stdout.readline()
        assert said == "fig2       is being measured by another process; waiting for it\n"
        aside.rename(done)
    said, _ = second.communicate(timeout=60)
    assert second.returncode == 0
    assert said.startswith("fig2       done\n")
    assert dummy.calls() == {}


def test_an_interrupt_says_how_to_go_on(dummy: Dummy) -> None:
    process = dummy.start("experiments=fig2", "experiment.fig2.pause=2.0")
    deadline = time.monotonic() + 120
    while not list((dummy.runs / ".work").glob("fig2-*")):
        assert time.monotonic() < deadline, "it took too long to begin"
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    said = process.communicate(timeout=60)[0]
    assert process.returncode == 130
    assert said.rstrip().endswith("interrupted; what is finished is kept: run the same command again to go on")
    assert "Traceback" not in said
