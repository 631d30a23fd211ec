"""The templates of all pages: the report's own, and those that a package adds to them. All escape what they print."""

from __future__ import annotations

import jinja2

REPORT = "replications.suite.report"


def environment(package: str | None = None) -> jinja2.Environment:
    """Templates of the package's folder `templates` first, where one is named, then the report's."""
    folders = [jinja2.PackageLoader(name) for name in (package, REPORT) if name is not None]
    return jinja2.Environment(
        loader=jinja2.ChoiceLoader(folders),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
