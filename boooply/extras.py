"""The extras of the package: their modules, and the command that installs them."""

TYPE_CHECKING = False  # type checkers treat it as typing.TYPE_CHECKING, which would import typing
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
    """Return an error that names the extra to install, or ``missing`` itself if no extra installs the module."""
    extra = _LIBRARY.get(_top_level(missing))
    if extra is None:
        return missing
    return ModuleNotFoundError(f"{needed_by} needs {missing.name}: {install_command(extra)}", name=missing.name)


def _top_level(missing: ModuleNotFoundError) -> str:
    return (missing.name or "").partition(".")[0]


def install_command(extras: str) -> str:
    """Return the command that installs these extras from the source of the installed package.

    The source is a package index, or the folder, archive or repository that pip recorded in ``direct_url.json``.
    """
    origin = _direct_url()
    url = str(origin.get("url", ""))
    folder = origin.get("dir_info")
    if folder is None:
        return f'python -m pip install "boooply[{extras}]{f" @ {_pinned(url, origin)}" if url else ""}"'
    editable = "-e " if folder.get("editable") else ""
    return f'python -m pip install {editable}"{_path_of(url)}[{extras}]"'


def _direct_url() -> "_Json":
    """Return the record of PEP 610 about an installation that is not from a package index."""
    import json  # noqa: PLC0415 - only errors need it, and `import boooply` must stay fast
    from importlib.metadata import PackageNotFoundError, distribution  # noqa: PLC0415 - the same

    try:
        found: _Json = json.loads(distribution("boooply").read_text("direct_url.json") or "{}")
    except PackageNotFoundError:
        return {}  # the package is on the path, but not installed
    return found


def _pinned(url: str, origin: "_Json") -> str:
    """Return the URL, with the version control system and revision that pip recorded."""
    repository = origin.get("vcs_info")
    if repository is None:
        return url
    revision = repository.get("requested_revision") or repository.get("commit_id")
    return f"{repository.get('vcs', 'git')}+{url}{f'@{revision}' if revision else ''}"


def _path_of(url: str) -> str:
    """Return the folder of a file URL, or ``.`` if it is the current folder."""
    from pathlib import Path  # noqa: PLC0415 - as above
    from urllib.request import url2pathname  # noqa: PLC0415 - as above

    path = Path(url2pathname(url.removeprefix("file://")))
    return "." if path == Path.cwd() else str(path)
