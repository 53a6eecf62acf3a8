"""How long a fresh interpreter takes: ``python benchmarks/starting.py VARIANT ROUNDS``; the figure is milliseconds."""

import json
import statistics
import subprocess
import sys
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
    for _ in range(int(rounds)):
        began = time.perf_counter()
        subprocess.run([sys.executable, "-c", VARIANTS[variant]], check=True, capture_output=True)  # noqa: S603 - our own words
        times.append((time.perf_counter() - began) * 1000)
    print(json.dumps({"ms": statistics.median(times)}))
