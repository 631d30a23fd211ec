"""The words of a caption."""

from __future__ import annotations

import re


def words_of(caption: str) -> list[str]:
    """Its words in lower case; punctuation isn't one."""
    return re.findall(r"[^\W_]+(?:[-'][^\W_]+)*", caption.casefold())
