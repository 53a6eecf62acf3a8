"""The reference is whole and up to date: made pages, public names, examples, errors, variables."""

import importlib
import re
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

import boooply
from boooply.protocol.endpoints import ENDPOINTS

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
REFERENCE = DOCS / "reference"
MAKE = DOCS / ".make"

MODULES = [
    "boooply",
    "boooply.integrations.fastapi",
    "boooply.integrations.mcp",
    "boooply.participants",
    "boooply.provisioning",
    "boooply.sandbox",
    "boooply.store",
    "boooply.webhooks",
]
# What is public where a module says so by its page alone.
NAMES = {
    "boooply.integrations.fastapi": ["Boooply"],
    "boooply.participants": ["from_google", "from_microsoft", "from_user"],
}
FENCE = re.compile(r"^```(?:\{\.python[^}]*\}|python)$(.*?)^```$", re.MULTILINE | re.DOTALL)
QUOTED = re.compile(r'^```\{\.python notest title="(boooply/[\w/.]+)"\}\n(.*?)^```$', re.MULTILINE | re.DOTALL)


def public() -> list[tuple[str, str]]:
    return [
        (module, name)
        for module in MODULES
        for name in NAMES.get(module) or importlib.import_module(module).__all__
        if name != "__version__"
    ]


@cache
def reference() -> str:
    return "\n".join(page.read_text(encoding="utf-8") for page in sorted(REFERENCE.glob("*.md")))


@cache
def shown_names() -> frozenset[str]:
    pages = [ROOT / "README.md", *DOCS.rglob("*.md")]
    code = [fence for page in pages for fence in FENCE.findall(page.read_text(encoding="utf-8"))]
    code += [program.read_text(encoding="utf-8") for program in (ROOT / "examples").rglob("*.py")]
    return frozenset(re.findall(r"\w+", "\n".join(code)))


def made(script: str, folder: Path) -> list[Path]:
    subprocess.run([sys.executable, str(MAKE / script), str(folder)], check=True, timeout=120)  # noqa: S603 - our own words
    return sorted(folder.iterdir())


@pytest.mark.parametrize(("script", "folder"), [("reference.py", REFERENCE), ("pictures.py", DOCS / "pictures")])
def test_what_is_made_is_up_to_date(script: str, folder: Path, tmp_path: Path) -> None:
    fresh = made(script, tmp_path)
    assert fresh
    for file in fresh:
        committed = (folder / file.name).read_text(encoding="utf-8")
        assert committed == file.read_text(encoding="utf-8"), f"out of date, run: python docs/.make/{script}"


@pytest.mark.parametrize(("module", "name"), public())
def test_every_public_name_is_in_the_reference(module: str, name: str) -> None:
    listed = rf"members: \[[^\]]*\b{name}\b" if module == "boooply.participants" else rf"^::: {module}\.{name}$"
    elsewhere = rf"^`{name}`|\[`{name}`\]|^`HTTP_PORT` and `{name}`"  # a union and two numbers have no docstring
    assert re.search(rf"{listed}|{elsewhere}", reference(), re.MULTILINE), f"{module}.{name}"


@pytest.mark.parametrize(("module", "name"), public())
def test_every_public_name_has_an_example(module: str, name: str) -> None:
    assert name in shown_names(), f"{module}.{name}"


def test_every_operation_has_an_example() -> None:
    assert {row.operation.rpartition(".")[2] for row in ENDPOINTS} - shown_names() == set()


def test_every_error_has_a_cause_and_a_remedy() -> None:
    page = (REFERENCE / "errors.md").read_text(encoding="utf-8")
    rows = dict(re.findall(r"^\| \[`(\w+)`\]\(#boooply\.\1\) \| (.+ \| .+) \|$", page, re.MULTILINE))
    found = {name: getattr(boooply, name) for name in importlib.import_module("boooply").__all__}
    errors = {name for name, one in found.items() if isinstance(one, type) and issubclass(one, Exception)}
    assert set(rows) == errors


def test_every_variable_is_told() -> None:
    code = "\n".join(path.read_text(encoding="utf-8") for path in (ROOT / "boooply").rglob("*.py"))
    read = set(re.findall(r'"(BOOOPLY_[A-Z_]+[A-Z])"', code))
    page = (REFERENCE / "environment.md").read_text(encoding="utf-8")
    assert read == set(re.findall(r"^\| `(BOOOPLY_[A-Z_]+)`", page, re.MULTILINE))


def test_the_code_that_pages_quote_is_the_code() -> None:
    quotes = [quote for page in DOCS.rglob("*.md") for quote in QUOTED.findall(page.read_text(encoding="utf-8"))]
    assert quotes
    for module, code in quotes:
        assert code in (ROOT / module).read_text(encoding="utf-8"), f"{module} reads otherwise by now"


def test_the_ledgers_picture_shows_every_move(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(MAKE))
    pictures = importlib.import_module("pictures")
    moves = pictures.moves()
    assert set(pictures.ARROWS) <= moves
    assert {step for _, step, after in moves - set(pictures.ARROWS) if after == "done"} <= pictures.TO_DONE
    assert {move for move in moves - set(pictures.ARROWS) if move[2] != "done"} == set()


NUMBER = re.compile(r"whole number|number")
MEASURED = re.compile(
    r"0-100|1-5|0-1\b|from 1|seconds|minutes|number of|most .* that|how many|scale is not documented", re.IGNORECASE
)


def test_every_number_has_a_scale_or_a_unit() -> None:
    rows = [row.split(" | ") for row in (REFERENCE / "fields.md").read_text(encoding="utf-8").splitlines()]
    numbers = [row for row in rows if len(row) == 4 and NUMBER.search(row[2])]

    assert len(numbers) > 50
    assert [row for row in numbers if not MEASURED.search(row[3])] == []


FIXTURES = re.compile(r"^```\{\.python[^}]*\}$(?P<code>.*?)^```$", re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("page", sorted(DOCS.rglob("*.md")), ids=lambda page: str(page.relative_to(DOCS)))
def test_examples_use_pytests_fixtures_only_as_arguments(page: Path) -> None:
    for found in FIXTURES.finditer(page.read_text(encoding="utf-8")):
        code = re.sub(r"#.*", "", found["code"])
        used = set(re.findall(r"\bboooply_(?:sandbox|webhooks|blocking_client|client)\b", code))
        defined = set(re.findall(r"\w+", " ".join(re.findall(r"def \w+\((.*?)\)", code, re.DOTALL))))
        assert used <= defined


def test_the_tree_of_errors_is_that_of_the_classes() -> None:
    page = (REFERENCE / "errors.md").read_text(encoding="utf-8")
    tree = page.partition("```text\nBoooplyError\n")[2].partition("```")[0]
    parents, shown = {0: "BoooplyError"}, {"BoooplyError": {"Exception"}}
    for line in tree.splitlines():
        found = re.fullmatch(r"((?:[│ ]   )*[├└]── )(\w+)(?: \((\w+)\))?", line)
        assert found is not None, line
        indent, name, built_in = found.groups()
        depth = len(indent) // 4
        parents[depth] = name
        shown[name] = {parents[depth - 1], *filter(None, [built_in])}

    named = re.findall(r"^\| \[`(\w+)`\]", page, re.MULTILINE)
    assert list(shown) == named
    for name, bases in shown.items():
        assert {base.__name__ for base in getattr(boooply, name).__bases__} == bases
