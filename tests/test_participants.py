"""Profiles of identity providers, mapped as the vendor's SDK does."""

from typing import Any

import pytest

from boooply import AIInterview, Participant, ValidationError
from boooply.participants import from_google, from_microsoft, from_user

GOOGLE = {"name": "Ann", "email": "ann@acme.example", "id": "g-1", "picture": "https://pic.example/1", "locale": "de"}
MICROSOFT = {"displayName": "Ann", "mail": "ann@acme.example", "id": "m-1"}
USER = {"name": "Ann", "email": "ann@acme.example", "externalUserId": 7, "authProvider": "GITHUB", "role": "HOST"}


def test_google() -> None:
    assert from_google(GOOGLE) == Participant(
        name="Ann",
        email="ann@acme.example",
        role="INTERVIEWER",
        external_user_id="g-1",
        auth_provider="GOOGLE",
        external_role="GOOGLE_USER",
        avatar_url="https://pic.example/1",
    )


def test_microsoft() -> None:
    assert from_microsoft(MICROSOFT) == Participant(
        name="Ann",
        email="ann@acme.example",
        role="INTERVIEWER",
        external_user_id="m-1",
        auth_provider="MICROSOFT",
        external_role="MS_TEAMS_USER",
    )


def test_a_microsoft_account_without_a_mailbox() -> None:
    person = from_microsoft({"displayName": "Ann", "mail": None, "userPrincipalName": "ann@acme.example"})

    assert person.email == "ann@acme.example"


@pytest.mark.parametrize("rename", [False, True], ids=["the API's names", "our names"])
def test_a_user_of_ones_own(rename: bool) -> None:
    user: dict[str, Any] = dict(USER)
    if rename:
        user["external_user_id"] = user.pop("externalUserId")
        user["auth_provider"] = user.pop("authProvider")

    person = from_user(user | {"external_role": "CTO", "avatarUrl": "https://pic.example/2"})

    assert (person.external_user_id, person.auth_provider, person.role) == ("7", "GITHUB", "HOST")
    assert (person.external_role, person.avatar_url) == ("CTO", "https://pic.example/2")


@pytest.mark.parametrize(("mapper", "profile"), [(from_google, GOOGLE), (from_microsoft, MICROSOFT), (from_user, USER)])
def test_the_role_is_the_argument_else_the_profiles(mapper, profile: dict[str, Any]) -> None:
    assert mapper(profile, role="CO_HOST").role == "CO_HOST"
    assert mapper(profile | {"role": "CANDIDATE"}).role == "CANDIDATE"


@pytest.mark.parametrize(("mapper", "profile"), [(from_google, GOOGLE), (from_microsoft, MICROSOFT), (from_user, USER)])
def test_an_ai_interview_takes_whom_a_mapper_makes(mapper, profile: dict[str, Any]) -> None:
    person = mapper(profile, role="CANDIDATE")

    assert AIInterview(job_role="Cook", participants=[person]).participants == (person,)


@pytest.mark.parametrize("number", [0, 7])
def test_an_id_of_any_number_is_kept(number: int) -> None:
    assert from_user(USER | {"externalUserId": number}).external_user_id == str(number)


@pytest.mark.parametrize(
    ("mapper", "profile", "problem"),
    [
        (from_google, {"email": "a@b.example"}, "name: is missing from the profile"),
        (from_google, {"name": "Ann"}, "email: is missing from the profile"),
        (from_microsoft, {"displayName": "Ann"}, "mail or userPrincipalName: is missing from the profile"),
        (from_user, {"name": "Ann", "email": "a@b.example"}, "role: is missing from the profile"),
        (from_user, USER | {"authProvider": "APPLE"}, "auth_provider: must be one of"),
        (from_user, USER | {"externalUserId": True}, "external_user_id: must be text, a whole number or a UUID"),
        (from_google, GOOGLE | {"id": 1.5}, "external_user_id: must be text, a whole number or a UUID"),
        (from_google, GOOGLE | {"name": ""}, "name: is missing"),
    ],
)
def test_what_is_missing_is_named(mapper, profile: dict[str, Any], problem: str) -> None:
    with pytest.raises(ValidationError, match=problem):
        mapper(profile)
