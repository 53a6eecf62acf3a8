"""The doctor's report, as text and as JSON. You can paste both into an issue."""

from __future__ import annotations

import platform
import re
import ssl
from collections import Counter
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from typing import Any, Final

from rich.console import Group, RenderableType
from rich.table import Column, Table
from rich.text import Text

from boooply.cli.doctor.findings import Check, CheckResult, Finding
from boooply.cli.terminal import count_of, inset, printable
from boooply.version import __version__

_STYLES: Final = {CheckResult.PASSED: "green", CheckResult.FAILED: "bold red", CheckResult.DIFFERS: "yellow"}
_ISSUE: Final = (
    "Something differs from what the SDK assumes. Please paste this report into an issue, or the output of --json."
)
_PACKAGES: Final = ("aiohttp", "attrs", "cattrs", "anyio", "uvloop", "orjson")
_RELEASE: Final = re.compile(r"[\d.]*")  # what follows the numbers may name a company


def versions() -> dict[str, str]:
    """Return the versions of this machine's software, without packages that are not installed."""
    found = {
        "boooply": __version__,
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "os": f"{platform.system()} {_RELEASE.findall(platform.release())[0]} {platform.machine()}",
        "openssl": _RELEASE.findall(ssl.OPENSSL_VERSION.partition(" ")[2])[0],
    }
    for package in _PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def as_json(findings: Mapping[Check, Finding], requests: int) -> dict[str, Any]:
    """Return the report for programs."""
    checks = {
        check.slug: {
            "question": check.question,
            "result": str(finding.result).replace(" ", "_"),
            "found": printable(finding.text),
            "details": [printable(one) for one in finding.details],
            "remedy": None if finding.remedy is None else printable(finding.remedy),
        }
        for check, finding in findings.items()
    }
    return {"versions": versions(), "requests": requests, "checks": checks}


def report(findings: Mapping[Check, Finding], requests: int) -> RenderableType:
    """Return the report for people."""
    counts = Counter(finding.result for finding in findings.values())
    parts = [f"{counts[result]} {result}" for result in CheckResult if counts[result]]
    named = ", ".join(f"{name} {found}" for name, found in versions().items())
    return Group(
        Text(f"{', '.join(parts)}. Sent {count_of(requests, 'request')}, which changed nothing.\n", "bold"),
        _table(findings),
        *_not_checked(findings),
        Text(f"\n{named}\n", "dim"),
        Text("This report contains none of your data: no key, ID, name or address."),
        *([Text(_ISSUE)] if counts[CheckResult.DIFFERS] else []),
    )


def _table(findings: Mapping[Check, Finding]) -> Table:
    columns = Column(no_wrap=True), Column(no_wrap=True), Column(overflow="fold")
    table = Table.grid(*columns, padding=(0, 2, 0, 0))
    for check, finding in findings.items():
        if finding.result is not CheckResult.NOT_CHECKED:
            lines = [finding.text, *(f"- {one}" for one in finding.details)]
            lines += [] if finding.remedy is None else [f"Remedy: {finding.remedy}"]
            result = Text(finding.result, _STYLES[finding.result])
            table.add_row(result, check.slug, "\n".join(map(printable, lines)))
    return table


def _not_checked(findings: Mapping[Check, Finding]) -> list[RenderableType]:
    """Group the checks without a result by the reason, which many of them share."""
    slugs: dict[str, list[str]] = {}
    for check, finding in findings.items():
        if finding.result is CheckResult.NOT_CHECKED:
            slugs.setdefault(finding.text, []).append(check.slug)
    return [
        Group(Text(f"\n{CheckResult.NOT_CHECKED}: {printable(text)}"), inset(Text(", ".join(names), "dim")))
        for text, names in slugs.items()
    ]
