"""How the vendor prints JSON."""

import json
from collections.abc import Mapping
from typing import Any

__all__ = ["printed"]


def printed(body: Mapping[str, Any]) -> str:
    """Print as JavaScript's JSON.stringify does: no spaces, non-ASCII as it is."""
    return json.dumps(body, ensure_ascii=False, separators=(",", ":"))
