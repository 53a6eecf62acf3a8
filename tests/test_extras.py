"""The command that installs an extra, from where the package was installed."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

PRINT = "from boooply.extras import install_command; print(install_command('cli'))"
WHEEL = "file:///tmp/boooply-0.1.0-py3-none-any.whl"
CLONE = {"url": "https://example.com/boooply.git", "vcs_info": {"vcs": "git", "commit_id": "abc"}}


@pytest.mark.parametrize(
    ("origin", "installs"),
    [
        (None, '"boooply[cli]"'),
        ({"url": "file:///srv/a%20clone", "dir_info": {}}, '"/srv/a clone[cli]"'),
        ({"url": "file:///srv/clone", "dir_info": {"editable": True}}, '-e "/srv/clone[cli]"'),
        ({"url": WHEEL, "archive_info": {}}, f'"boooply[cli] @ {WHEEL}"'),
        (CLONE, '"boooply[cli] @ git+https://example.com/boooply.git@abc"'),
        (
            CLONE | {"vcs_info": {"vcs": "git", "commit_id": "abc", "requested_revision": "main"}},
            '"boooply[cli] @ git+https://example.com/boooply.git@main"',
        ),
    ],
)
def test_an_extra_is_installed_from_where_the_package_was(
    tmp_path: Path, origin: Mapping[str, object] | None, installs: str
) -> None:
    assert _printed(tmp_path, origin) == f"python -m pip install {installs}"


def test_the_current_folder_is_a_dot(tmp_path: Path) -> None:
    origin = {"url": tmp_path.as_uri(), "dir_info": {}}

    assert _printed(tmp_path, origin) == 'python -m pip install ".[cli]"'


def _printed(folder: Path, origin: Mapping[str, object] | None) -> str:
    """Run where the package is installed as its metadata says."""
    metadata = folder / "boooply-0.1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: boooply\nVersion: 0.1.0\n", encoding="utf-8")
    if origin is not None:
        (metadata / "direct_url.json").write_text(json.dumps(origin), encoding="utf-8")
    env = os.environ | {"PYTHONPATH": os.pathsep.join((str(folder), *filter(None, sys.path)))}
    command = [sys.executable, "-c", PRINT]
    return subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, check=True).stdout.rstrip("\n")  # noqa: S603 - ours
