"""Both flavours are alike: same names, signatures and docstrings; and both can be mocked."""

import inspect
import pydoc
from collections.abc import AsyncIterator, Callable, Iterator
from traceback import walk_tb
from typing import Any, get_args, get_origin
from unittest.mock import create_autospec, patch

import pytest

from boooply import AsyncBoooplyClient, AsyncBoooplyPlatform, AsyncTenants, BoooplyClient, BoooplyPlatform, Tenants
from boooply.blocking import resources as blocking
from boooply.provisioning import AsyncQueue, Queue, async_provision, provision
from boooply.resources.ai import AsyncAI
from boooply.resources.interviews import AsyncInterviews
from boooply.resources.organization import AsyncOrganization
from boooply.sandbox import Sandbox
from boooply.store import (
    AsyncDeduplicator,
    AsyncEvents,
    AsyncInbox,
    AsyncKeyStore,
    AsyncLedger,
    AsyncStore,
    Deduplicator,
    Events,
    Inbox,
    KeyStore,
    Ledger,
    Store,
)

PAIRS: list[tuple[type, type]] = [
    (AsyncInterviews, blocking.Interviews),
    (AsyncAI, blocking.AI),
    (AsyncOrganization, blocking.Organization),
    (AsyncBoooplyClient, BoooplyClient),
    (AsyncBoooplyPlatform, BoooplyPlatform),
    (AsyncTenants, Tenants),
    (AsyncStore, Store),
    (AsyncKeyStore, KeyStore),
    (AsyncLedger, Ledger),
    (AsyncEvents, Events),
    (AsyncQueue, Queue),
    (AsyncInbox, Inbox),
    (AsyncDeduplicator, Deduplicator),
]
INTERNAL = {
    AsyncStore: {"database", "encryption", "identity"},
    AsyncKeyStore: {"ledger"},
    AsyncEvents: {"backlog", "claim", "renew", "finish", "release", "fail", "put", "take", "starting_with"},
    AsyncQueue: {"jobs", "store"},
}
# What differs on purpose: a blocking handler is a plain function, a thread's event ends the work, and a blocking source
# is iterated in the thread of its caller.
WRITTEN_TWICE = {"enqueue", "open", "once", "work"}


def names(flavour: type) -> set[str]:
    return {name for name in dir(flavour) if not name.startswith("_")} - INTERNAL.get(flavour, set())


@pytest.mark.parametrize(("original", "proxy"), PAIRS, ids=lambda flavour: flavour.__name__)
def test_both_flavours_have_the_same_names(original: type, proxy: type) -> None:
    assert names(original) == names(proxy)


METHODS = [
    pytest.param(getattr(original, name), getattr(proxy, name), id=f"{proxy.__name__}.{name}")
    for original, proxy in PAIRS
    for name in sorted(names(proxy) - WRITTEN_TWICE)
    if inspect.isroutine(getattr(original, name))
]


def signature(method: Callable[..., Any]) -> list[tuple[str, Any, Any]]:
    parameters = [(one.name, one.kind, one.default) for one in inspect.signature(method).parameters.values()]
    if parameters and parameters[-1][0] == "filters":  # written out in the blocking flavour
        parameters[-1:] = [(name, inspect.Parameter.KEYWORD_ONLY, ...) for name in FILTERS]
    return [one for one in parameters if one[0] != "self"]


FILTERS = ("status", "type", "search", "source_id", "date_field", "date_from", "date_to", "score_min", "score_max")


@pytest.mark.parametrize(("original", "proxy"), METHODS)
def test_signature_and_docstring_are_the_same(original: Callable[..., Any], proxy: Callable[..., Any]) -> None:
    assert signature(original) == signature(proxy)
    assert original.__doc__
    assert (inspect.getdoc(original) or "").replace("AsyncBoooply", "Boooply") == inspect.getdoc(proxy)


@pytest.mark.parametrize(("original", "proxy"), [*PAIRS[3:6], *PAIRS[11:]], ids=lambda flavour: flavour.__name__)
def test_the_constructors_take_the_same(original: type, proxy: type) -> None:
    assert signature(original) == signature(proxy)


def test_bulk_provisioning_takes_the_same() -> None:
    assert signature(async_provision) == signature(provision)


@pytest.mark.parametrize(("original", "proxy"), PAIRS[:3], ids=lambda flavour: flavour.__name__)
def test_resources_are_described_alike(original: type, proxy: type) -> None:
    assert original.__doc__ == proxy.__doc__


@pytest.fixture
def client(threaded_sandbox: Sandbox) -> Iterator[BoooplyClient]:
    with BoooplyClient(api_key=threaded_sandbox.api_key, base_url=threaded_sandbox.base_url) as client:
        yield client


def test_completion_offers_operations_only(client: BoooplyClient) -> None:
    assert {name for name in dir(client.interviews) if name[0] != "_"} == names(AsyncInterviews)
    assert {name for name in dir(client) if name[0] != "_"} == names(AsyncBoooplyClient)


def test_help_shows_the_filters_by_name(client: BoooplyClient) -> None:
    shown = pydoc.plain(pydoc.render_doc(client.interviews.list))
    for name in FILTERS:
        assert f"{name}:" in shown
    assert "AsyncInterviews" not in shown


def test_an_iteration_shows_an_iterator(client: BoooplyClient) -> None:
    assert get_origin(inspect.signature(AsyncInterviews.iterate).return_annotation) is AsyncIterator
    returned = inspect.signature(client.interviews.iterate).return_annotation
    assert get_origin(returned) is Iterator
    assert [one.__name__ for one in get_args(returned)] == ["Interview"]


def test_a_wrong_call_names_the_blocking_class(client: BoooplyClient) -> None:
    with pytest.raises(TypeError, match=r"^Interviews\.get\(\) missing 1 required positional argument"):
        client.interviews.get()  # type: ignore[call-arg]  # the mistake
    with pytest.raises(TypeError, match=r"^BoooplyClient\.request\(\) missing 2 required"):
        client.request()  # type: ignore[call-arg]  # the mistake
    with pytest.raises(TypeError, match=r"^Interviews\.iterate\(\) takes 1 positional"):
        client.interviews.iterate("ACTIVE")  # type: ignore[call-arg]  # the mistake
    with pytest.raises(TypeError, match=r"^Interviews\.iterate\(\) got an unexpected keyword argument 'limit'"):
        client.interviews.iterate(limit=10)  # type: ignore[call-arg]  # the mistake
    with pytest.raises(TypeError, match=r"^Interviews\.list\(\) got an unexpected keyword argument 'sourceId'"):
        client.interviews.list(sourceId="org_1")  # type: ignore[call-arg]  # the mistake


async def test_a_wrong_filter_names_the_async_class_too() -> None:
    async with AsyncBoooplyClient(api_key="bply_x", base_url="http://127.0.0.1:1") as client:
        with pytest.raises(
            TypeError, match=r"^AsyncInterviews\.iterate\(\) got an unexpected keyword argument 'limit'"
        ):
            client.interviews.iterate(limit=10)  # type: ignore[call-arg]  # the mistake
        with pytest.raises(
            TypeError, match=r"^AsyncInterviews\.list\(\) got an unexpected keyword argument 'sourceId'"
        ):
            await client.interviews.list(sourceId="org_1")  # type: ignore[call-arg]  # the mistake


def test_the_repr_is_that_of_the_async_client_with_its_own_name(client: BoooplyClient) -> None:
    assert "Async" not in repr(client)
    assert repr(client) == repr(client._original).replace("Async", "", 1)
    assert repr(BoooplyClient.__new__(BoooplyClient)).startswith("<boooply.blocking.client.BoooplyClient object")
    assert "bound method Interviews.get of" in repr(client.interviews.get)


@pytest.mark.parametrize("flavour", [AsyncBoooplyClient, BoooplyClient])
async def test_an_autospec_knows_the_signatures(flavour: Any) -> None:
    mock = create_autospec(flavour, instance=True)
    for called in (
        mock.interviews.get("Boooply-AI-1"),
        mock.interviews.list(page=2),
        mock.interviews.create("request"),
    ):
        assert inspect.isawaitable(called) == (flavour is AsyncBoooplyClient)
        if inspect.isawaitable(called):
            await called
    mock.interviews.get.assert_called_once_with("Boooply-AI-1")
    for method, args, kwargs in (
        (mock.interviews.create, (), {}),
        (mock.interviews.get, (), {"meeting_code": "Boooply-AI-1"}),
        (mock.ai.generate_job_description, ("Engineer",), {}),
        (mock.organization.get, ("org_1",), {}),
    ):
        with pytest.raises(TypeError):
            method(*args, **kwargs)
    with pytest.raises(AttributeError):
        mock.interviews.fetch  # noqa: B018 - the access is the test


def test_an_autospec_knows_the_filters() -> None:
    mock = create_autospec(BoooplyClient, instance=True)
    mock.interviews.list(status=["ACTIVE"])
    with pytest.raises(TypeError):
        mock.interviews.list(colour="red")


def test_a_method_can_be_patched(client: BoooplyClient) -> None:
    with patch.object(client.interviews, "get", return_value="patched"):
        assert str(client.interviews.get("Boooply-AI-1")) == "patched"
    assert "get" not in vars(client.interviews)


async def test_an_async_method_can_be_patched() -> None:
    async with AsyncBoooplyClient(api_key="bply_x", base_url="http://127.0.0.1:1") as client:
        with patch.object(client.interviews, "get", return_value="patched"):
            assert str(await client.interviews.get("Boooply-AI-1")) == "patched"


def test_no_frame_of_a_wrong_call_shows_a_key(client: BoooplyClient) -> None:
    key = "bply_org_0123456789abcdef"
    with pytest.raises(TypeError) as caught:
        client.interviews.get("Boooply-AI-1", key)  # type: ignore[call-arg]  # a wrong call
    frames = [frame.f_locals for frame, _ in walk_tb(caught.value.__traceback__)][1:]  # the first is this test
    assert frames
    assert key not in repr(frames)
