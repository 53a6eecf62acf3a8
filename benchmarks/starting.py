"""How long a fresh interpreter takes: ``python benchmarks/starting.py VARIANT ROUNDS``; the figure is milliseconds.

The first start is not counted. It leaves the bytecode in a separate folder, so that each later one finds it, as it
does where pip has installed the packages, whatever installed them here.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time

KEYS = 'api_key="bply_org_0123456789abcdef", base_url="http://127.0.0.1:1"'
VARIANTS = {
    "interpreter": "pass",
    "boooply": "import boooply",
    "boooply-client": f"from boooply import AsyncBoooplyClient; AsyncBoooplyClient({KEYS})",
    "aiohttp": "import aiohttp",
    "eager": "import aiohttp, attrs, cattrs, anyio",
    "openai": "import openai",
    "stripe": "import stripe",
}

if __name__ == "__main__":
    variant, rounds = sys.argv[1:]
    times: list[float] = []
    with tempfile.TemporaryDirectory() as place:
        environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
        environment["PYTHONPYCACHEPREFIX"] = place
        for _ in range(int(rounds) + 1):
            began = time.perf_counter()
            words = [sys.executable, "-c", VARIANTS[variant]]
            subprocess.run(words, check=True, capture_output=True, env=environment)  # noqa: S603 - our own words
            times.append((time.perf_counter() - began) * 1000)
    print(json.dumps({"ms": statistics.median(times[1:])}))
