"""What the regression check has on the index of all pages: its last verdicts, and the evidence that it can fail."""

from __future__ import annotations

import json
from pathlib import Path

from replications.regress.front import front


def _check(results: Path, profile: str, red: int) -> None:
    folder = results / "runs" / "regress" / profile / "report"
    folder.mkdir(parents=True)
    (folder / "index.html").write_text("a page")
    verdicts = [
        {"probe": "olah2017", "measure": "diversity", "kind": "worse", "red": True, "sentence": "From 0.9 to 0.2."},
        {"probe": "mfv", "measure": "choice", "kind": "better", "red": False, "sentence": "From 0.5 to 0.7."},
    ]
    said = {
        "summary": f"{red} departures",
        "red": red,
        "profile": profile,
        "network": "toy",
        "seconds": 75.0,
        "counts": {"measures": {"same": 9, "worse": red}, "golden pictures": {}, "recorded": {}},
        "verdicts": verdicts[:1] if red else verdicts[1:],
    }
    (folder / "verdicts.json").write_text(json.dumps(said))


def test_each_profiles_last_check_is_told(tmp_path: Path) -> None:
    _check(tmp_path, "laptop", 1)
    _check(tmp_path, "natural", 0)
    (panel,) = front(tmp_path)
    assert panel.sentences == ("laptop, toy: 1 departures", "natural, toy: 0 departures")
    assert panel.rows == (("olah2017: diversity", "worse", "From 0.9 to 0.2."),)
    assert all(path.is_file() for _, path in panel.links)
    assert (panel.numbers["regress/laptop/toy/red"], panel.numbers["regress/natural/toy/red"]) == (1, 0)
    assert panel.numbers["regress/laptop/toy/same"] == 9


def test_the_evidence_is_told(tmp_path: Path) -> None:
    assert front(tmp_path) == []
    (tmp_path / "baselines").mkdir()
    evidence = {"defects": [{"caught": True}, {"caught": True}, {"caught": False}], "reruns": {"runs": 20, "alarms": 0}}
    (tmp_path / "baselines" / "evidence.json").write_text(json.dumps(evidence))
    (panel,) = front(tmp_path)
    assert panel.sentences == ("Of 3 planted defects 2 were caught; 20 reruns of the unchanged code raised 0 alarms.",)
    assert panel.rows == ()
