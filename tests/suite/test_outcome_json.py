"""Numbers come back from JSON as they went in; what can't be kept exactly is refused."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest

from replications.suite.interface import Evidence, Measurement, Outcome, Table
from replications.suite.outcome_json import canonical, decode, digest, encode

OUTCOME = Outcome(
    measurements=[
        Measurement("a", [0.1 + 0.2, 1e-300, 5e-324, 2 / 3], "pixels", "map", "higher", "ZF-1", "val"),
        Measurement("b", np.float32([0.1]), "1", "seed"),
    ],
    evidence=[
        Evidence("C-1", "mean", 0.1, -1 / 3, 2 / 3, "1", 20, "set", seeds=3),
        Evidence("C-2", "mean", 0.1, -1.0, 1.0, "1", 20, "set", expected=(-math.inf, 0.25)),
    ],
    tables=[Table("t", "T", ("x", "y"), [("ü", None), (np.int64(3), np.float64(0.1))], "caption")],
    notes=["a note"],
)


def test_everything_comes_back_exactly() -> None:
    stored = decode(json.loads(json.dumps(encode(OUTCOME, []), allow_nan=False)))
    assert list(stored.measurements) == OUTCOME.measurements
    assert list(stored.evidence) == OUTCOME.evidence
    assert stored.evidence[0].expected == (0.0, math.inf)
    assert stored.tables[0].rows == [["ü", None], [3, 0.1]]
    assert stored.notes == ("a note",)


@pytest.mark.parametrize(
    ("outcome", "words"),
    [
        (Outcome(tables=[Table("t", "T", ["x"], [[math.nan]])]), "write None for a number that there is not"),
        (Outcome(tables=[Table("t", "T", ["x"], [[[1]]])]), "holds list; cells are text, numbers or None"),
        (Outcome(evidence=[Evidence("C", "s", 0.0, math.nan, 1.0, "1", 3, "seed")]), "C needs a finite effect"),
        (Outcome(measurements=[Measurement("m", [1.0], "1", "x")] * 2), "two measurements are named 'm'"),
    ],
)
def test_what_cannot_be_kept_is_refused(outcome: Outcome, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        encode(outcome, [])


def test_equal_values_have_equal_digests_whatever_their_order() -> None:
    assert canonical({"b": 1, "a": [1.0, None]}) == '{"a":[1.0,null],"b":1}'
    assert digest({"a": 1, "b": 2}) == digest({"b": 2, "a": 1})
    assert digest({"a": 1}) != digest({"a": 1.0})
