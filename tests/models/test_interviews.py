"""The end of an interview, and its links."""

import pytest

from boooply import Interview, InterviewParticipant, Page, Secret


@pytest.mark.parametrize(
    ("meeting_type", "status", "end_reason", "is_over", "unevaluated"),
    [
        ("AI_ONLY", "SCHEDULED", None, False, False),
        ("AI_ONLY", "ACTIVE", None, False, False),
        ("AI_ONLY", "COMPLETED", None, True, False),
        ("HUMAN", "COMPLETED", None, False, False),
        ("HUMAN", "COMPLETED", "HOST_COMPLETED", True, False),
        ("HUMAN", "COMPLETED", "A_REASON_OF_TOMORROW", True, False),
        ("HUMAN", "SCHEDULED", "NO_SHOW", True, True),
        ("AI_ONLY", "COMPLETED", "NO_SHOW", True, True),
        ("HUMAN", "SCHEDULED", "EXPIRED", True, True),
        ("HUMAN", "CANCELLED", None, True, True),
        ("AI_ONLY", "FAILED", None, True, True),
        ("AI_ONLY", None, None, False, False),
    ],
)
def test_whether_an_interview_is_over(
    meeting_type: str, status: str | None, end_reason: str | None, is_over: bool, unevaluated: bool
) -> None:
    interview = Interview(meeting_code="c", meeting_type=meeting_type, session_status=status, end_reason=end_reason)

    assert (interview.is_over, interview.ended_unevaluated) == (is_over, unevaluated)


def test_a_join_link_is_the_persons_secret() -> None:
    jane = InterviewParticipant(join_token=Secret("abcdefghijklmnop"))
    link = Interview(meeting_code="c", url="https://meet.example/c").join_link(jane)

    assert link == Secret("https://meet.example/c?token=abcdefghijklmnop")
    assert "abcdefgh" not in f"{link} {link!r} {jane!r}"


@pytest.mark.parametrize(("url", "token"), [(None, Secret("t")), ("https://meet.example", None)])
def test_without_url_or_token_there_is_no_link(url: str | None, token: Secret | None) -> None:
    assert Interview(meeting_code="c", url=url).join_link(InterviewParticipant(join_token=token)) is None


INTERVIEW = Interview(meeting_code="c")


@pytest.mark.parametrize(
    ("page", "read", "is_last"),
    [
        pytest.param(Page(items=(INTERVIEW,), page=1, total_pages=2), 1, False, id="more pages"),
        pytest.param(Page(items=(INTERVIEW,), page=2, total_pages=2), 2, True, id="the last page"),
        pytest.param(Page(items=(INTERVIEW,), page=1, total=2), 1, False, id="more in total"),
        pytest.param(Page(items=(INTERVIEW,), page=2, total=2), 2, True, id="all read"),
        pytest.param(Page(items=()), 0, True, id="nothing on it"),
        pytest.param(Page(items=(), page=2, total_pages=3), 1, False, id="nothing on it, and more pages"),
        pytest.param(Page(items=(), page=1, total_pages=0), 0, True, id="no pages"),
        pytest.param(Page(items=(INTERVIEW,)), 1, False, id="no totals"),
    ],
)
def test_the_last_page(page: Page, read: int, is_last: bool) -> None:
    assert page.is_last(read) is is_last
