"""Processes beside this one: they give what this one gives, and none outlives it."""

from __future__ import annotations

import multiprocessing
import os
import signal
import time
from pathlib import Path

import pytest

from replications.paths import file_lock
from replications.workers import side_by_side

PATIENCE = 60


def _squared(number: int, plus: int) -> tuple[int, int]:
    return number**2 + plus, os.getpid()


@pytest.mark.parametrize("cores", [1, 2])
def test_jobs_are_done_in_order_by_at_most_so_many_processes(cores: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOKY_MAX_CPU_COUNT", str(cores))
    found = list(side_by_side(_squared, [(i, 1) for i in range(5)]))
    assert [value for value, _ in found] == [1, 2, 5, 10, 17]
    assert len({process for _, process in found}) <= cores
    alone = list(side_by_side(_squared, [(i, 1) for i in range(5)], most=1))
    assert {process for _, process in alone} == {os.getpid()}
    assert list(side_by_side(_squared, [])) == []


def _fails(number: int) -> int:
    if number == 2:
        raise ValueError("two is not a number that this can do")
    return number


def test_an_error_in_another_process_is_raised_here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOKY_MAX_CPU_COUNT", "2")
    with pytest.raises(ValueError, match="two is not a number that this can do"):
        list(side_by_side(_fails, [(i,) for i in range(4)]))


def _holds(folder: Path, number: int) -> None:
    with file_lock(folder / f"{number}.lock"):
        (folder / f"{number}.began").touch()
        time.sleep(PATIENCE)


def _begins(folder: Path) -> None:
    list(side_by_side(_holds, [(folder, 0), (folder, 1)]))


def test_they_end_with_the_process_that_began_them_however_it_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONWARNINGS", "ignore::UserWarning")  # joblib says what it cleans up after a killed process
    began = [tmp_path / "0.began"] + ([tmp_path / "1.began"] if (os.cpu_count() or 1) > 1 else [])
    first = multiprocessing.get_context("spawn").Process(target=_begins, args=(tmp_path,))
    first.start()
    deadline = time.monotonic() + PATIENCE
    while not all(path.exists() for path in began):
        assert time.monotonic() < deadline, "it took too long to begin"
        assert first.is_alive()
        time.sleep(0.02)
    assert first.pid is not None
    os.kill(first.pid, signal.SIGKILL)
    first.join()
    for path in began:  # the system frees the lock of a process that has ended
        with file_lock(path.with_suffix(".lock"), timeout=10):
            pass
