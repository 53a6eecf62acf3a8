"""The extras: what each of them installs, and the command that installs it."""

TYPE_CHECKING = False  # what checkers take for typing.TYPE_CHECKING, without importing typing
if TYPE_CHECKING:
    from typing import Any

    _Json = dict[str, Any]

# The extra that installs a module.
_LIBRARY = {
    "sqlalchemy": "store",
    "cryptography": "store",
    "psycopg": "postgres",
    "procrastinate": "distributed",
    "fastapi": "fastapi",
    "mcp": "mcp",
    "mcp_types": "mcp",
    "uvicorn": "mcp",
}
_COMMAND = _LIBRARY | {
    **dict.fromkeys(("cyclopts", "rich", "sqlalchemy", "cryptography"), "cli"),
    **dict.fromkeys(("procrastinate", "psycopg"), "cli,distributed"),
}


def command_extra(missing: ModuleNotFoundError) -> str | None:
    """Return the extra that a command needs, or None if no extra installs the module."""
    return _COMMAND.get(_top_level(missing))


def naming_extra(missing: ModuleNotFoundError, needed_by: str) -> ModuleNotFoundError:
    """Return an error that names the extra to install, or the same error if no extra installs the module."""
    extra = _LIBRARY.get(_top_level(missing))
    if extra is None:
        return missing
    return ModuleNotFoundError(f"{needed_by} needs {missing.name}: {install_command(extra)}", name=missing.name)


def _top_level(missing: ModuleNotFoundError) -> str:
    return (missing.name or "").partition(".")[0]


def install_command(extras: str) -> str:
    """Return the command that installs these extras from where the package was installed.

    That is a package index, or what pip recorded in ``direct_url.json``: a folder, an archive or a repository.
    """
    origin = _direct_url()
    url = str(origin.get("url", ""))
    folder = origin.get("dir_info")
    if folder is None:
        return f'python -m pip install "boooply[{extras}]{f" @ {_pinned(url, origin)}" if url else ""}"'
    editable = "-e " if folder.get("editable") else ""
    return f'python -m pip install {editable}"{_path_of(url)}[{extras}]"'


def _direct_url() -> "_Json":
    """Return what PEP 610 records about an installation that did not come from an index."""
    import json  # noqa: PLC0415 - only an error needs it, and `import boooply` is to stay quick
    from importlib.metadata import PackageNotFoundError, distribution  # noqa: PLC0415 - the same

    try:
        found: _Json = json.loads(distribution("boooply").read_text("direct_url.json") or "{}")
    except PackageNotFoundError:
        return {}  # it is on the path without being installed
    return found


def _pinned(url: str, origin: "_Json") -> str:
    """Return the URL with the version control system and revision that it was installed with."""
    repository = origin.get("vcs_info")
    if repository is None:
        return url
    revision = repository.get("requested_revision") or repository.get("commit_id")
    return f"{repository.get('vcs', 'git')}+{url}{f'@{revision}' if revision else ''}"


def _path_of(url: str) -> str:
    """Return the folder of a file URL; ``.`` if it is the current one."""
    from pathlib import Path  # noqa: PLC0415 - as above
    from urllib.request import url2pathname  # noqa: PLC0415 - as above

    path = Path(url2pathname(url.removeprefix("file://")))
    return "." if path == Path.cwd() else str(path)
