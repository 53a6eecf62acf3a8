"""For ``nox -s mutants``: what the converters have made for a type is made anew for each test.

The tool tries a change in a fork of a process that has run the tests before, where all of it is made already, and asks
each test which functions it reaches: without this, a change of what makes a hook would be tried by nobody.
"""

import pytest

from boooply.converter.structuring import _built, reading
from boooply.converter.unstructuring import showing, writing


@pytest.fixture(autouse=True)
def _hooks_made_anew() -> None:
    _built.cache_clear()
    for converter in (reading, writing, showing):
        converter._structure_func.clear_cache()
        converter._unstructure_func.clear_cache()
