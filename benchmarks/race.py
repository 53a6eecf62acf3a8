"""Run variants side by side: round by round, each in a fresh process, in turning order; medians with their range."""

import json
import statistics
import subprocess
from collections.abc import Mapping, Sequence

import attrs


@attrs.frozen(kw_only=True)
class Lap:
    """The figures of one variant: the median, the least and the most over the rounds."""

    median: float
    least: float
    most: float

    @classmethod
    def of(cls, figures: Sequence[float]) -> "Lap":
        """Sum figures up."""
        return cls(median=statistics.median(figures), least=min(figures), most=max(figures))


def race(variants: Mapping[str, Sequence[str]], *, rounds: int, timeout: float = 300) -> dict[str, dict[str, Lap]]:
    """Race commands that print their figures as one line of JSON; one that fails is left out and reported."""
    figures: dict[str, list[dict[str, float]]] = {name: [] for name in variants}
    for number in range(rounds):
        names = list(variants)
        for name in names[number % len(names) :] + names[: number % len(names)]:
            ran = subprocess.run(  # noqa: S603 - our own words
                list(variants[name]), capture_output=True, text=True, timeout=timeout, check=False
            )
            if ran.returncode != 0:
                print(f"  {name} left out: {(ran.stderr.strip().splitlines() or ['it failed'])[-1]}", flush=True)
                continue
            figures[name].append(json.loads(ran.stdout.strip().splitlines()[-1]))
    return {
        name: {figure: Lap.of([one[figure] for one in found]) for figure in found[0]}
        for name, found in figures.items()
        if found
    }
