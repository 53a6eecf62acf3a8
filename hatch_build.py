"""Take ``[project.urls]`` from zensical.toml, so that the addresses of the project are in one file."""

import tomllib
from pathlib import Path
from typing import Any

from hatchling.metadata.plugin.interface import MetadataHookInterface


class ProjectAddresses(MetadataHookInterface):
    """The addresses of the site and of the repository, as URLs of the package."""

    def update(self, metadata: dict[str, Any]) -> None:
        """Set ``urls``: an address that zensical.toml does not name is left out."""
        site = tomllib.loads(Path(self.root, "zensical.toml").read_text("utf-8"))["project"]
        documentation, repository = site.get("site_url"), site.get("repo_url")
        urls = {"Documentation": documentation, "Repository": repository}
        if documentation is not None:
            urls["Changelog"] = f"{documentation.rstrip('/')}/changelog/"
        metadata["urls"] = {name: address for name, address in urls.items() if address is not None}
