"""For ``nox -s mutants``: runs mypy as its arguments say, and prints only the errors inside mutants.

A mutant with such an error needs no tests, because mypy rejects it. mypy also finds errors in the code that mutmut adds
around mutants. They are left out, because mutmut stops at them.
"""

import ast
import json
import subprocess
import sys
from functools import cache
from pathlib import Path


@cache
def lines_of_mutants(file: str) -> frozenset[int]:
    """Return the lines of a file that belong to a mutant."""
    lines: set[int] = set()
    for node in ast.walk(ast.parse(Path(file).read_text(encoding="utf-8"))):
        # mutmut copies a function once per change: ``name__mutmut_1``, and ``name__mutmut_orig`` without a change
        if (
            isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
            and node.name.rpartition("__mutmut_")[2].isdecimal()
        ):
            lines.update(range(node.lineno, (node.end_lineno or node.lineno) + 1))
    return frozenset(lines)


if __name__ == "__main__":
    report = subprocess.run(sys.argv[1:], check=False, capture_output=True, text=True)  # noqa: S603 - from pyproject.toml
    sys.stderr.write(report.stderr)
    for line in report.stdout.splitlines():
        error = json.loads(line)
        if error["line"] in lines_of_mutants(error["file"]):
            sys.stdout.write(f"{line}\n")
