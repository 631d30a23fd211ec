"""What a result depends on in the project's code: hashes that survive comments, docstrings and a new Python.

An outcome or a trained network is kept under a hash of everything that determines it. The code's share of that hash
is taken over the syntax trees of a module and of all project modules that it imports, transitively, so that a changed
formula is seen and a changed comment is not.
"""

from __future__ import annotations

import ast
import functools
import hashlib
import importlib.util
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

PACKAGES = frozenset({"replications", "metrics"})

# These carry, keep and draw what was computed and compute nothing themselves; a new report page makes no number old.
WITHOUT_INFLUENCE = ("replications.suite", "replications.paths", "replications.identity")


def code_fingerprint(*modules: str) -> str:
    """One hash of the code of `modules` and of every project module they import, transitively.

    Args:
        modules: dotted names, e.g. "replications.training.loop".

    Raises:
        ModuleNotFoundError: a module has no source file.
    """
    return fingerprint_of(module_hashes(*modules))


def module_hashes(*modules: str) -> dict[str, str]:
    """The hash of each project module that `modules` consist of, sorted by name.

    Imports inside functions count; those under `if TYPE_CHECKING:` don't, nor do the modules that have no influence
    on numbers (WITHOUT_INFLUENCE). Besides `replications` and `metrics`, the packages of `modules` themselves count
    as the project's.

    Raises:
        ModuleNotFoundError: a named module has no source file.
    """
    packages = PACKAGES | {name.partition(".")[0] for name in modules}
    found: dict[str, str] = {}
    waiting = list(modules)
    for name in modules:
        if _source_file(name) is None:
            raise ModuleNotFoundError(f"no source file for the module '{name}'", name=name)
    while waiting:
        name = waiting.pop()
        if name in found or _within(name, WITHOUT_INFLUENCE) or name.partition(".")[0] not in packages:
            continue
        path = _source_file(name)
        if path is None:
            continue
        stat = path.stat()
        found[name], imports = _read(name, path, stat.st_mtime_ns, stat.st_size)
        waiting.extend(imports)
        waiting.extend(_parents(name))
    return dict(sorted(found.items()))


def fingerprint_of(hashes: Mapping[str, str]) -> str:
    """One hash for a dictionary of module hashes."""
    text = "\n".join(f"{name} {value}" for name, value in sorted(hashes.items()))
    return hashlib.sha256(text.encode()).hexdigest()


def changed_modules(old: Mapping[str, str], new: Mapping[str, str]) -> list[str]:
    """The modules whose code differs between two results of `module_hashes`, in words for those that came or went."""
    changes = []
    for name in sorted(old.keys() | new.keys()):
        if name not in new:
            changes.append(f"{name} (no longer used)")
        elif name not in old:
            changes.append(f"{name} (newly used)")
        elif old[name] != new[name]:
            changes.append(name)
    return changes


def canonical_dump(tree: ast.AST) -> str:
    """A text of the syntax tree without docstrings, positions, or anything that differs between Python 3.11 and 3.13.

    Node types with their non-empty fields; `ast.dump` prints empty ones before 3.13 and later leaves them out.
    """
    return "".join(_dump(tree))


def _within(name: str, packages: Iterable[str]) -> bool:
    return any(name == package or name.startswith(package + ".") for package in packages)


def _parents(name: str) -> Iterator[str]:
    parts = name.split(".")
    for length in range(1, len(parts)):
        yield ".".join(parts[:length])


def _source_file(name: str) -> Path | None:
    """The file of a module, found without importing anything."""
    top, *rest = name.split(".")
    try:
        spec = importlib.util.find_spec(top)
    except (ValueError, ImportError):
        return None
    if spec is None:
        return None
    if not rest:
        return Path(spec.origin) if spec.origin and spec.origin.endswith(".py") else None
    for location in spec.submodule_search_locations or ():
        path = Path(location).joinpath(*rest)
        for candidate in (path.with_name(path.name + ".py"), path / "__init__.py"):
            if candidate.is_file():
                return candidate
    return None


@functools.lru_cache(maxsize=4096)
def _read(name: str, path: Path, mtime: int, size: int) -> tuple[str, tuple[str, ...]]:
    """The hash of one file and the modules it may import; `mtime` and `size` keep the cache honest."""
    tree = ast.parse(path.read_bytes(), filename=str(path))
    tree = ast.fix_missing_locations(_WithoutTypeChecking().visit(tree))
    digest = hashlib.sha256(canonical_dump(tree).encode()).hexdigest()
    package = name if path.name == "__init__.py" else name.rpartition(".")[0]
    return digest, tuple(sorted(set(_imports(tree, package))))


class _WithoutTypeChecking(ast.NodeTransformer):
    """Drops what only a type checker sees."""

    def visit_If(self, node: ast.If) -> ast.AST | list[ast.stmt]:
        self.generic_visit(node)
        test = node.test
        name = test.attr if isinstance(test, ast.Attribute) else test.id if isinstance(test, ast.Name) else ""
        return node.orelse if name == "TYPE_CHECKING" else node


def _imports(tree: ast.AST, package: str) -> Iterator[str]:
    """Every module name that an import statement in the tree may load, parents left out."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                above = package.split(".")[: len(package.split(".")) - (node.level - 1)]
                base = ".".join([*above, base] if base else above)
            yield base
            # `from package import module` loads the module; where it names a function no file is found.
            yield from (f"{base}.{alias.name}" for alias in node.names if alias.name != "*")


_DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)


def _dump(value: object) -> Iterator[str]:
    if isinstance(value, ast.AST):
        yield f"{type(value).__name__}("
        for field in sorted(value._fields):
            child = getattr(value, field, None)
            if field == "body" and isinstance(value, _DOCUMENTED) and ast.get_docstring(value, clean=False) is not None:
                child = value.body[1:]
            if child is None or child == [] or field in ("ctx", "kind", "type_comment", "type_ignores"):
                continue
            yield f"{field}="
            yield from _dump(child)
            yield ","
        yield ")"
    elif isinstance(value, list):
        yield "["
        for item in value:
            yield from _dump(item)
            yield ","
        yield "]"
    else:
        yield f"{type(value).__name__}:{value!r}"
