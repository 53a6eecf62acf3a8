"""A secret shows itself to nobody who did not ask for it."""

import copy
import inspect
import json
import logging
import pickle
import traceback
from collections.abc import Callable
from functools import partial
from io import StringIO
from pprint import pformat
from typing import cast

import attrs
import pytest
import rich
from rich.console import Console

from boooply import OrganizationApiKey, Secret
from boooply.secret import mask, redact

KEY = "bply_org_0123456789abcdef"


@pytest.mark.parametrize(
    ("value", "masked"),
    [
        (KEY, "bply_org_…cdef"),
        ("bply_platform_0123456789abcdef", "bply_platform_…cdef"),
        ("boooply_tenant_live_0123456789ab", "boooply_tenant_live_…89ab"),
        ("bply_0123456789ab", "bply_…89ab"),
        ("whsec_0123456789abcdef", "whsec_…cdef"),
        ("bply_org_short", "bply_org_…"),
        ("some_other_thing_entirely", "…rely"),
        ("abc", "…"),
        ("", "…"),
    ],
)
def test_the_mask_shows_the_kind_and_little_more(value: str, masked: str) -> None:
    assert mask(value) == masked == str(Secret(value))


@pytest.mark.parametrize(
    "show",
    [repr, str, "{}".format, "{0!r}".format, lambda s: f"{s:>40}", lambda s: "%s" % s, dir, lambda s: [s], ascii],  # noqa: UP031 - one more way to show it
)
def test_nothing_shows_it(show) -> None:
    assert "0123456789" not in str(show(Secret(KEY)))


def test_it_has_no_dictionary_and_does_not_change() -> None:
    secret = Secret(KEY)

    with pytest.raises(TypeError):
        vars(secret)
    with pytest.raises(AttributeError, match="does not change"):
        setattr(secret, "value", "other")  # noqa: B010 - a checker refuses it too
    with pytest.raises(AttributeError, match="does not change"):
        delattr(secret, "value")
    assert secret.reveal() == KEY


def test_it_is_equal_to_the_same_secret_only() -> None:
    assert Secret(KEY) == Secret(KEY)
    assert Secret(KEY) != Secret(KEY + "x")
    assert Secret(KEY) != KEY
    assert len({Secret(KEY), Secret(KEY), Secret("ключ"), Secret("\ud800")}) == 3


def test_pickle_and_json_are_refused() -> None:
    key = OrganizationApiKey(api_key=Secret(KEY), organization_id="org_1")

    for holder in (key.api_key, key):
        with pytest.raises(TypeError, match="a Secret cannot be pickled"):
            pickle.dumps(holder)
    with pytest.raises(TypeError):
        json.dumps({"key": key.api_key})


def attributes(secret: Secret) -> list[object]:
    """Read every attribute by its name, as inspectors do, and every slot, as serializers do."""
    slots = [slot for kind in type(secret).__mro__ for slot in getattr(kind, "__slots__", ())]
    names = {*dir(secret), *(f"_Secret{slot}" for slot in slots)}
    return [getattr(secret, name, None) for name in sorted(names)]


def inspected(secret: Secret) -> str:
    printed = Console(file=StringIO(), width=200)
    rich.inspect(secret, console=printed, private=True, dunder=True, methods=True)
    return cast("StringIO", printed.file).getvalue()


@pytest.mark.parametrize(
    "show", [attributes, inspect.getmembers, inspected, pformat, object.__getstate__], ids=lambda show: show.__name__
)
def test_nothing_that_reads_attributes_finds_it(show: Callable[[Secret], object]) -> None:
    assert "0123456789" not in str(show(Secret(KEY)))


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_serializers_are_refused_at_each_of_their_hooks(protocol: int) -> None:
    secret = Secret(KEY)

    for hook in (
        secret.__getstate__,
        secret.__reduce__,
        partial(secret.__reduce_ex__, protocol),
        partial(pickle.dumps, secret, protocol),
    ):
        with pytest.raises(TypeError):
            hook()


def test_a_copy_of_what_holds_it_holds_it_too() -> None:
    key = OrganizationApiKey(api_key=Secret(KEY), organization_id="org_1")

    assert copy.copy(key) == copy.deepcopy(key) == attrs.evolve(key) == key
    assert copy.deepcopy(key).api_key is key.api_key
    assert copy.copy(key.api_key) is key.api_key


def test_a_log_line_and_a_traceback_with_locals_show_the_mask(caplog: pytest.LogCaptureFixture) -> None:
    secret = Secret(KEY)
    try:
        raise ValueError(secret)  # noqa: TRY301 - the frame that has it is the point
    except ValueError as error:
        logging.getLogger("app").exception("key %s", secret)
        shown = "".join(traceback.TracebackException.from_exception(error, capture_locals=True).format())

    assert "0123456789" not in caplog.text
    assert "bply_org_…cdef" in shown
    # only the constant of this test contains it
    assert "0123456789" not in shown.replace(f"KEY = {KEY!r}", "")


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        (f"key {KEY} is bad", "key bply_org_…cdef is bad"),
        (f"{KEY},{KEY}", "bply_org_…cdef,bply_org_…cdef"),
        ("Authorization: Bearer abcdefghijklmnop", "Authorization: Bearer …mnop"),
        ("https://m.example/c?token=abcdefghijklmnop&x=1", "https://m.example/c?token=…mnop&x=1"),
        ("nothing to hide", "nothing to hide"),
        ("a supply_chain", "a supply_chain"),
    ],
)
def test_redaction(text: str, clean: str) -> None:
    assert redact(text) == clean


def test_a_known_secret_is_masked_once_and_one_that_begins_another_too() -> None:
    long = Secret("bply_org_0123456789.and-the-rest")
    assert redact(f"key {long.reveal()}", Secret("bply_org_0123456789"), long) == "key bply_org_…rest"
    assert redact("bply_org_, bply_org_… or bply_org_x…") == "bply_org_…, bply_org_… or bply_org_……"


def test_the_name_of_a_variable_is_no_key() -> None:
    assert redact("set BOOOPLY_PLATFORM_KEY") == "set BOOOPLY_PLATFORM_KEY"
    assert redact("BOOOPLY_API_KEY-0123456789abcdef") == "…cdef"
