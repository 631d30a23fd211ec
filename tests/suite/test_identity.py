"""The code's fingerprint sees what changes numbers, and nothing else."""

from __future__ import annotations

import ast
import hashlib
import sys
import textwrap
from pathlib import Path

import pytest

from replications.identity import canonical_dump, changed_modules, code_fingerprint, module_hashes
from replications.suite.identity import differences

SNIPPET = '''
"""A docstring."""
from __future__ import annotations
import math as m

@decorate(1, key=[2, 3.5])
class Thing(Base, metaclass=Meta):
    """Another."""
    x: int = 0

    async def f(self, a, /, b=1e-8, *args, c: str = 'q', **kw) -> float:
        """And another."""
        text = f"{a!r:>{b}} and {c}" "tail"
        match a:
            case {"k": [1, *rest]} if rest:
                return m.pi
            case Thing(x=0) | None:
                pass
        try:
            y = [i ** 2 for i in range(10) if i % 2]
        except* (ValueError, KeyError) as e:
            raise
        return lambda z: (z := -1j, ..., b"bytes", u"u", 1_000, True, x[1:2, ...])
'''


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A small package `somepaper` that imports in every way, and that can be edited."""
    root = tmp_path / "somepaper"
    files = {
        "__init__.py": "",
        "fig1.py": """
            from typing import TYPE_CHECKING
            import somepaper.whole
            from somepaper.method import step
            from . import sibling
            if TYPE_CHECKING:
                from somepaper import typing_only
            def run():
                from .inner.deep import depth
                return depth
        """,
        "whole.py": "A = 1",
        "method.py": "from somepaper import indirect\ndef step(): return 1",
        "indirect.py": "B = 2",
        "sibling.py": "C = 3",
        "typing_only.py": "D = 4",
        "unrelated.py": "E = 5",
        "inner/__init__.py": "",
        "inner/deep.py": "from ..parent import F\ndepth = 3",
        "parent.py": "F = 6",
    }
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(textwrap.dedent(text))
    monkeypatch.syspath_prepend(tmp_path)
    return root


def test_the_modules_are_all_that_are_imported_and_no_others(package: Path) -> None:
    names = {"", ".fig1", ".whole", ".method", ".indirect", ".sibling", ".inner", ".inner.deep", ".parent"}
    assert set(module_hashes("somepaper.fig1")) == {f"somepaper{name}" for name in names}
    assert not any(name.startswith("somepaper") for name in sys.modules)  # found without running any of it


@pytest.mark.parametrize("module", ["fig1", "whole", "method", "indirect", "sibling", "inner/deep", "parent"])
def test_a_changed_formula_changes_the_fingerprint_and_is_named(package: Path, module: str) -> None:
    before, fingerprint = module_hashes("somepaper.fig1"), code_fingerprint("somepaper.fig1")
    path = package / f"{module}.py"
    path.write_text(path.read_text() + "\nX = 1.0000001\n")
    assert code_fingerprint("somepaper.fig1") != fingerprint
    changed = changed_modules(before, module_hashes("somepaper.fig1"))
    assert changed == [f"somepaper.{module.replace('/', '.')}"]


def test_comments_docstrings_layout_and_unrelated_modules_do_not_count(package: Path) -> None:
    before = code_fingerprint("somepaper.fig1")
    method = package / "method.py"
    method.write_text(
        '"""New."""\n# why\nfrom somepaper import (\n    indirect,\n)\n\n\ndef step():\n    "Doc."\n    return (1)'
    )
    for name in ("unrelated", "typing_only"):
        (package / f"{name}.py").write_text("Z = 9")
    assert code_fingerprint("somepaper.fig1") == before


def test_modules_that_come_and_go_are_said_to() -> None:
    assert changed_modules({"a": "1", "b": "1"}, {"b": "1", "c": "1"}) == ["a (no longer used)", "c (newly used)"]


def test_the_suite_has_no_share_in_an_experiments_code() -> None:
    assert not any(name.startswith("replications.suite") for name in module_hashes("replications.suite.interface"))


def test_a_missing_module_is_named() -> None:
    with pytest.raises(ModuleNotFoundError, match=r"replications\.zeiler\.fig99"):
        code_fingerprint("replications.zeiler.fig99")


def test_the_dump_is_the_same_on_every_python() -> None:
    """Pinned, so that a Python whose syntax trees differ fails here instead of making every recorded outcome stale."""
    digest = hashlib.sha256(canonical_dump(ast.parse(SNIPPET)).encode()).hexdigest()
    assert digest == "de9a8128e5ced97b7092bdb701b735331d2bb5a8497657b19271b22df0e32deb"


def test_the_dump_tells_types_of_constants_apart() -> None:
    dumps = {canonical_dump(ast.parse(text)) for text in ("1", "1.0", "True", "'1'", "b'1'", "1j")}
    assert len(dumps) == 6


def test_modules_that_only_draw_make_nothing_recorded_old() -> None:
    names = ("replications.drawing", "replications.ppgn.films_drawing", "replications.ppgn.drawn")
    old, new = ({"code": dict.fromkeys(names, number)} for number in "12")
    assert differences(old, new) == ["the code of replications.ppgn.drawn"]


def test_other_content_of_what_is_read_is_said_where_nothing_else_explains_it() -> None:
    old = {"parameters": {"root": "a"}, "reads": {"concepts": "1"}}
    assert differences(old, {**old, "reads": {"concepts": "2"}}) == ["the concepts that it reads"]
    other = {"parameters": {"root": "b"}, "reads": {"concepts": "2"}}
    assert differences(old, other) == ["the parameter root, from 'a' to 'b'"]
    assert differences(old, {"parameters": {"root": "a"}}) == []  # they can't be read now, which isn't a change
