"""What goes wrong with data, in words."""

from __future__ import annotations


class DataError(RuntimeError):
    """Data that can't be used as it is. The message says what was expected, what was found and what to do."""
