"""For ``nox -s mutants``: the converters make their hooks again for each test.

The tool runs the tests once, then tries each change in a fork of that process, with the tests that reached the changed
function. Cached hooks would hide which tests reach the functions that make them.
"""

import pytest

from boooply.converter.structuring import _converter
from boooply.converter.unstructuring import _WITH_SECRETS, _WITHOUT_SECRETS


@pytest.fixture(autouse=True)
def _hooks_made_again() -> None:
    for converter in (_converter, _WITH_SECRETS, _WITHOUT_SECRETS):
        converter._structure_func.clear_cache()
        converter._unstructure_func.clear_cache()
