"""The package uses the field's terms: none of the names and phrases that it once invented comes back."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "boooply"
MODULES = sorted(PACKAGE.rglob("*.py"))
PROGRAMS = sorted(path for place in ("tests", "benchmarks", "examples") for path in (ROOT / place).rglob("*.py"))

INVENTED = frozenset(
    """
    Told hear unheard Governor Gate SharedGate Moments Allowance Limit give_back lose rests_until Standing
    Found Handling unsend doubt let_go Safety Fault Verdict Confirm settled unclear unsure refusal refused
    Refused answer answers Received Mismatch Unfit Shape showing identities Twin twin Bridge bridge Wire hide
    fill Seal Minting minting Skipped LateKeys Crew crew patiently room rooms floors house face faces story
    survey tally complain Courier Visit visit Landing landing breakage told
    """.split()  # noqa: SIM905 - a list would have a line for each
)
# The sandbox has limits and decisions of its own, and its faults are part of its public interface.
SANDBOX_KEEPS = frozenset({"Allowance", "Limit", "Verdict", "Fault"})
# The fixture that runs a test in both flavours, and what browsers' tests and forms call "fill".
TESTS_KEEP = SANDBOX_KEEPS | {"face", "faces", "fill"}
VAGUE_VERBS = frozenset({"Tell", "Hold", "Note", "Say", "Give", "Want"})
LIST = ROOT / "tests" / "words.txt"
# A phrase is also found where a line break, with the mark of a comment, separates its words.
PHRASES = [re.compile(line.replace(" ", r"[\s#]+")) for line in LIST.read_text("utf-8").splitlines() if line[:1] != "#"]

SUFFIXES = {".css", ".html", ".js", ".md", ".mjs", ".py", ".svg", ".toml", ".txt", ".yml"}
PLACES = (".github", "benchmarks", "boooply", "docs", "examples", "tests")
DATA = ROOT / "tests" / "data"  # the vendor's words, and files with mistakes
QUOTES_THEM = {LIST, Path(__file__)}
TEXTS = sorted(
    path
    for path in [*ROOT.glob("*.*"), *(found for place in PLACES for found in (ROOT / place).rglob("*.*"))]
    if path.suffix in SUFFIXES and path not in QUOTES_THEM and DATA not in path.parents
    if not {"node_modules", "__pycache__"}.intersection(path.parts)
)


def names_in(tree: ast.AST) -> Iterator[tuple[int, str]]:
    for node in ast.walk(tree):
        match node:
            case ast.ClassDef(name=name) | ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                yield node.lineno, name
            case ast.arg(arg=name) | ast.Attribute(attr=name):
                yield node.lineno, name
            case ast.Name(id=name):
                yield node.lineno, name
            case _:
                pass


def invented_in(module: Path, allowed: frozenset[str]) -> list[str]:
    names = names_in(ast.parse(module.read_text("utf-8")))
    return [f"{line}: {name}" for line, name in names if name.strip("_") in INVENTED - allowed]


def docstrings_in(tree: ast.AST) -> Iterator[tuple[int, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            text = ast.get_docstring(node)
            if text is not None:
                yield node.lineno, text


@pytest.mark.parametrize("module", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_module_uses_no_invented_name(module: Path) -> None:
    allowed = SANDBOX_KEEPS if "sandbox" in str(module.relative_to(PACKAGE)) else frozenset[str]()
    assert invented_in(module, allowed) == []


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_test_or_benchmark_uses_no_invented_name(program: Path) -> None:
    assert invented_in(program, TESTS_KEEP) == []


@pytest.mark.parametrize("module", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_docstring_opens_with_a_verb_that_says_what_is_done(module: Path) -> None:
    tree = ast.parse(module.read_text("utf-8"))
    vague = [f"{line}: {text[:40]}" for line, text in docstrings_in(tree) if text.split(maxsplit=1)[0] in VAGUE_VERBS]
    assert vague == []


def text_of(path: Path) -> str:
    """Return a text, without the rows of the table of words in CONTRIBUTING.md, which quotes the phrases."""
    text = path.read_text("utf-8")
    return re.sub(r"(?m)^\|.*$", "", text) if path.name == "CONTRIBUTING.md" else text


def phrases_in(text: str) -> Iterator[tuple[int, str]]:
    for phrase in PHRASES:
        for found in phrase.finditer(text):
            yield text.count("\n", 0, found.start()) + 1, " ".join(found[0].split())


def test_no_text_uses_an_invented_phrase() -> None:
    found = [
        f"{path.relative_to(ROOT)}:{line}: {phrase}" for path in TEXTS for line, phrase in phrases_in(text_of(path))
    ]
    assert found == [], "\n".join(["use other words, see CONTRIBUTING.md:", *found])
