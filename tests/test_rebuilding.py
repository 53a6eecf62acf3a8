"""Every error of the package can be rebuilt from its args, pickled and copied; so can an interview."""

import copy
import importlib
import json
import pickle
import pkgutil
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import attrs
import pytest

import boooply
from boooply import errors
from boooply.converter import StructureError, structure
from boooply.models import Interview, InterviewNotEvaluatedError, InterviewParticipant, OrganizationApiKey, Recording
from boooply.protocol.settings import MissingKeyError
from boooply.provisioning import KeysNotStoredError
from boooply.sandbox import SandboxError
from boooply.secret import Secret

HIDDEN = "0123456789abcdef"
NASTY = "one\nline\x1b[2J\u202eand\u200f no\x00more\x9b"

INTERVIEW = Interview(
    meeting_code="Boooply-AI-1",
    session_status="CANCELLED",
    extra={"hostToken": HIDDEN},
    participants=(InterviewParticipant(name="Jane", join_token=Secret(HIDDEN), extra={"joinUrl": HIDDEN}),),
)
STATUS: dict[str, Any] = {"status": 418, "message": "no", "code": "X", "request_id": "r-1", "retry_after": 1.5}

# One of each class that takes more than a text.
MADE: dict[type[Exception], Exception] = {
    errors.ValidationError: errors.ValidationError("code", "is empty"),
    errors.APIConnectionError: errors.APIConnectionError("interviews.get", "the API closed the connection"),
    errors.APITimeoutError: errors.APITimeoutError("interviews.get", 2.5, status=200, after=1.25),
    errors.DeadlineExceededError: errors.DeadlineExceededError("interviews.get", 3, waiting_for="evaluation"),
    errors.AmbiguousWriteError: errors.AmbiguousWriteError(
        "interviews.create",
        identity="org_1",
        people=("jane@example.com",),
        status=500,
        sent_at=datetime(2026, 6, 2, 9, 30, 0, 5, tzinfo=UTC),
        by_api_clock=True,
        status_error=errors.ServerError("interviews.create", **STATUS),
    ),
    errors.DecodingError: errors.DecodingError("interviews.get", status=200, problems=("x: is missing", "y")),
    errors.NotConnectedError: errors.NotConnectedError("org_1"),
    errors.WrongTenantError: errors.WrongTenantError("org_1", "org_2"),
    errors.InvalidSignatureError: errors.InvalidSignatureError("no", is_reserialized=True),
    errors.CorruptKeyError: errors.CorruptKeyError("org_1"),
    InterviewNotEvaluatedError: InterviewNotEvaluatedError(INTERVIEW),
    KeysNotStoredError: KeysNotStoredError({"org_2": Secret(HIDDEN), "org_1": Secret(HIDDEN)}, "the disk is full"),
    MissingKeyError: MissingKeyError("api_key", "set it"),
    StructureError: StructureError("is missing", ".code"),
    SandboxError: SandboxError(404, "NOT_FOUND", "no"),
}
# What is not in the args, and so is lost unless the error is pickled or copied.
NOT_IN_ARGS = {
    errors.AmbiguousWriteError: {"people", "status_error"},
    InterviewNotEvaluatedError: {"interview"},
    KeysNotStoredError: {"keys"},
}


def error_classes() -> Iterator[type[Exception]]:
    """Find every class of errors that a module of the package defines."""
    for module in pkgutil.walk_packages(boooply.__path__, "boooply."):
        if not module.name.endswith("__main__"):
            for found in vars(importlib.import_module(module.name)).values():
                if isinstance(found, type) and issubclass(found, Exception) and found.__module__ == module.name:
                    yield found


def made(kind: type[Exception]) -> Exception:
    if issubclass(kind, errors.APIStatusError):
        return kind("interviews.get", **STATUS)
    return MADE[kind] if kind in MADE else kind("it\tfailed")


def state(error: BaseException, *without: str) -> dict[str, Any]:
    return {name: value for name, value in vars(error).items() if name not in without}


every_error = pytest.mark.parametrize("error", [made(kind) for kind in error_classes()], ids=lambda e: type(e).__name__)


def test_every_class_is_found_once() -> None:
    found = list(error_classes())

    assert len(found) == len(set(found)) >= 34
    assert set(MADE) <= set(found)


@every_error
def test_an_error_is_rebuilt_by_its_class_from_its_args_which_json_can_contain(error: Exception) -> None:
    args = json.loads(json.dumps(error.args))
    rebuilt = type(error)(*args)

    without = NOT_IN_ARGS.get(type(error), set[str]())
    assert (str(rebuilt), repr(rebuilt)) == (str(error), repr(error))
    assert state(rebuilt, *without) == state(error, *without)
    assert type(error)(*error.args).args == error.args
    assert HIDDEN not in json.dumps(error.args)
    assert "@" not in json.dumps(error.args)


@every_error
@pytest.mark.parametrize("duplicate", [copy.copy, copy.deepcopy])
def test_a_copied_error_is_complete(error: Exception, duplicate: Callable[[Any], Any]) -> None:
    copied = duplicate(error)

    status_error = getattr(error, "status_error", None)
    assert (type(copied), str(copied), copied.args) == (type(error), str(error), error.args)
    assert state(copied, "status_error") == state(error, "status_error")
    assert str(getattr(copied, "status_error", None)) == str(status_error)


@every_error
def test_a_pickled_error_is_complete_but_for_its_secrets(error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(error, "__notes__", ["seen"], raising=False)  # other tests have this error too
    pickled = pickle.dumps(error)
    copied = pickle.loads(pickled)  # noqa: S301 - our own bytes

    without = {"status_error", "interview", "keys"}
    assert (type(copied), str(copied), copied.args) == (type(error), str(error), error.args)
    assert state(copied, *without) == state(error, *without)
    assert HIDDEN.encode() not in pickled


def test_a_rebuilt_error_keeps_what_its_args_can_contain() -> None:
    keys = MADE[KeysNotStoredError]
    unpickled = pickle.loads(pickle.dumps(keys))  # noqa: S301 - our own bytes
    assert isinstance(keys, KeysNotStoredError)
    assert copy.deepcopy(keys).keys == {"org_1": Secret(HIDDEN), "org_2": Secret(HIDDEN)}
    assert unpickled.keys == {}

    ended = MADE[InterviewNotEvaluatedError]
    rebuilt = InterviewNotEvaluatedError(*ended.args)
    assert (rebuilt.interview.meeting_code, rebuilt.interview.end_reason) == ("Boooply-AI-1", "CANCELLED")

    ambiguous = pickle.loads(pickle.dumps(MADE[errors.AmbiguousWriteError]))  # noqa: S301 - our own bytes
    assert (ambiguous.people, ambiguous.status_error.message) == (("jane@example.com",), "no")
    assert errors.AmbiguousWriteError(*ambiguous.args).people == ()


@pytest.mark.parametrize(
    "error",
    [
        errors.StoreError(NASTY),
        errors.ValidationError(NASTY, NASTY),
        errors.NotConnectedError(NASTY),
        errors.WrongTenantError("org_1", NASTY),
        errors.APIConnectionError("interviews.get", NASTY),
        errors.NotFoundError("interviews.get", status=404, message=NASTY),
        KeysNotStoredError({NASTY: Secret(HIDDEN)}, NASTY),
    ],
    ids=lambda error: type(error).__name__,
)
def test_the_text_of_an_error_is_one_line_whatever_it_quotes(error: Exception) -> None:
    assert "one line [2J and  no\ufffdmore " in str(error)
    assert str(error).isprintable()
    assert repr(error).isprintable()


def test_a_pickled_interview_has_neither_join_tokens_nor_extra() -> None:
    pickled = pickle.dumps(INTERVIEW)
    copied = pickle.loads(pickled)  # noqa: S301 - our own bytes

    (jane,) = INTERVIEW.participants
    bare = attrs.evolve(jane, join_token=None, extra={})
    assert copied == attrs.evolve(INTERVIEW, participants=(bare,), extra={})
    assert HIDDEN.encode() not in pickled
    assert "Pickling leaves out" in (Interview.__doc__ or "")


def test_a_copied_interview_is_complete_and_its_own() -> None:
    for duplicate in (copy.copy(INTERVIEW), copy.deepcopy(INTERVIEW), attrs.evolve(INTERVIEW)):
        assert duplicate == INTERVIEW
        assert duplicate is not INTERVIEW
        assert duplicate.extra == {"hostToken": HIDDEN}
        assert duplicate.participants[0].join_token == Secret(HIDDEN)
    assert copy.deepcopy(INTERVIEW).extra is not INTERVIEW.extra


def test_an_optional_secret_is_left_out_and_a_required_one_is_refused() -> None:
    recording = structure({"duration": 3, "videoUrl": HIDDEN, "videoApiUrl": "https://api.example/r"}, Recording)
    copied = pickle.loads(pickle.dumps(recording))  # noqa: S301 - our own bytes

    assert copied == attrs.evolve(recording, video_url=None)
    with pytest.raises(TypeError, match="a Secret cannot be pickled"):
        pickle.dumps(OrganizationApiKey(api_key=Secret(HIDDEN)))
