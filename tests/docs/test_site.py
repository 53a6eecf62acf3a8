"""The site builds with and without the project's addresses, and says which version it describes."""

import importlib.util
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

import boooply

ROOT = Path(__file__).parents[2]
CONFIGURATION = (ROOT / "zensical.toml").read_text("utf-8")
SITE, REPOSITORY = "https://acme.example/sdk/", "https://github.com/acme/sdk"
UNSET = re.compile(r"^# ((?:repo|site)_url = ).*$", re.MULTILINE)


def configuration(*, with_addresses: bool) -> str:
    if not with_addresses:
        return CONFIGURATION
    addresses = {"repo_url = ": REPOSITORY, "site_url = ": SITE}
    text, found = UNSET.subn(lambda line: f'{line[1]}"{addresses[line[1]]}"', CONFIGURATION)
    assert found == 2
    return text


def built(folder: Path, *, with_addresses: bool) -> Path:
    """Build a site of two pages with the project's own settings and theme, and return its folder."""
    text = configuration(with_addresses=with_addresses)
    text = re.sub(r"^nav = \[.*?^\]$", "", text, flags=re.DOTALL | re.MULTILINE)
    (folder / "zensical.toml").write_text(text[: text.index("[project.plugins.mkdocstrings")], "utf-8")
    pages = folder / "docs"
    pages.mkdir()
    for part in (".theme", "assets"):
        shutil.copytree(ROOT / "docs" / part, pages / part)
    (pages / "index.md").write_text('---\ntitle: Acme\ndescription: "What Acme does."\n---\n\n# Home\n', "utf-8")
    (pages / "changelog.md").write_text((ROOT / "docs" / "changelog.md").read_text("utf-8"), "utf-8")
    (folder / "CHANGELOG.md").write_text("# Changelog\n\n## 0.1.0\n", "utf-8")
    words = [sys.executable, "-m", "zensical", "build", "--strict", "--clean"]
    done = subprocess.run(words, cwd=folder, capture_output=True, text=True, timeout=100, check=False)  # noqa: S603 - the words of this file
    assert done.returncode == 0, done.stdout + done.stderr
    return folder / "site"


def test_a_site_with_addresses_names_them(tmp_path: Path) -> None:
    site = built(tmp_path, with_addresses=True)
    home = (site / "index.html").read_text("utf-8")
    assert f"<loc>{SITE}changelog/</loc>" in (site / "sitemap.xml").read_text("utf-8")
    assert f'<link rel="canonical" href="{SITE}">' in home
    assert f'<meta property="og:image" content="{SITE}assets/social.png">' in home
    assert (site / "assets" / "social.png").is_file()
    assert f'href="{REPOSITORY}/edit/main/docs/index.md"' in home


def test_a_site_without_addresses_has_the_rest(tmp_path: Path) -> None:
    site = built(tmp_path, with_addresses=False)
    home = (site / "index.html").read_text("utf-8")
    assert "og:image" not in home
    assert "/edit/" not in home
    assert '<meta property="og:title" content="Acme">' in home
    assert '<meta property="og:description" content="What Acme does.">' in home
    assert '<link rel="icon" href="./assets/icon.svg">' in home
    assert (site / "assets" / "icon.svg").is_file()
    assert f"Version {boooply.__version__}" in home
    assert 'href="./changelog/"' in home
    assert '<h2 id="010">0.1.0' in (site / "changelog" / "index.html").read_text("utf-8")


@pytest.mark.parametrize("with_addresses", [True, False])
def test_the_package_has_the_same_addresses(tmp_path: Path, *, with_addresses: bool) -> None:
    pytest.importorskip("hatchling", reason="the session docs installs hatchling")
    spec = importlib.util.spec_from_file_location("hatch_build", ROOT / "hatch_build.py")
    assert spec is not None
    assert spec.loader is not None
    hook = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(hook)
    (tmp_path / "zensical.toml").write_text(configuration(with_addresses=with_addresses), "utf-8")
    metadata: dict[str, Any] = {}
    hook.ProjectAddresses(str(tmp_path), {}).update(metadata)
    expected = {"Documentation": SITE, "Repository": REPOSITORY, "Changelog": f"{SITE}changelog/"}
    assert metadata == {"urls": expected if with_addresses else {}}


def test_the_version_is_the_packages() -> None:
    assert tomllib.loads(CONFIGURATION)["project"]["extra"]["release"] == boooply.__version__
