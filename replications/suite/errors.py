"""What a person typed, named or supplied is wrong, or the machine refused: one clear sentence, no traceback."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class WrongInput(RuntimeError):
    """The run can't go on with this input. The message says what was expected, what was found and what to do."""


def unknown(kind: str, name: str, valid: Iterable[str]) -> str:
    """ "unknown profile 'natrual'; did you mean natural? valid profiles: laptop, natural". Close matches come first."""
    names = list(valid)
    close = difflib.get_close_matches(name, names, n=3, cutoff=0.6)
    rest = [other for other in names if other not in close]
    hint = f" did you mean {' or '.join(close)}?" if close else ""
    plural = f"{kind[:-1]}ies" if kind.endswith("y") else f"{kind}s"
    return f"unknown {kind} '{name}';{hint} valid {plural}: {', '.join([*close, *rest]) or 'none'}"


def sentence(error: BaseException) -> str:
    """An error as one line for people: its message, without the quotes that a KeyError adds."""
    if isinstance(error, OSError) and error.strerror:
        text = f"{error.strerror}: {error.filename}" if error.filename else error.strerror
    elif isinstance(error, KeyError) and error.args:
        text = str(error.args[0])
    else:
        text = str(error)
    return " ".join(text.split()) or type(error).__name__
