"""What is shown of odd objects: an API may leave out almost everything."""

import io

import pytest
from rich.console import Console, RenderableType

from boooply import Evaluation, Interview, InterviewParticipant, Secret, TranscriptEntry
from boooply.cli import quickstart_view
from boooply.cli.terminal import printable

TOKEN = Secret("0123456789abcdef")


def shown(what: RenderableType) -> str:
    console = Console(file=io.StringIO(), width=80, markup=False)
    with console.capture() as captured:
        console.print(what)
    return captured.get()


@pytest.mark.parametrize(
    ("url", "token", "link"),
    [
        ("https://meet.example/x", TOKEN, "https://meet.example/x?token=…cdef"),
        (None, TOKEN, "no link"),
        ("https://meet.example/x", None, "no link"),
    ],
)
def test_a_join_link_shows_the_end_of_its_token(url: str | None, token: Secret | None, link: str) -> None:
    assert (
        quickstart_view.masked_link(Interview(meeting_code="x", url=url), InterviewParticipant(join_token=token))
        == link
    )


def test_an_evaluation_shows_the_scores_that_are_there() -> None:
    text = shown(quickstart_view.evaluation(Evaluation(recommendation="MAYBE", overall_score=100, technical=0)))

    assert "Recommendation: MAYBE" in text
    assert f"overall    100  {'█' * 20}\n" in text
    assert "technical    0 " in text
    assert "communication" not in text


@pytest.mark.parametrize(("turns", "says"), [(0, None), (4, None), (5, "… and 1 more"), (1004, "… and 1,000 more")])
def test_a_transcript_shows_its_first_turns(turns: int, says: str | None) -> None:
    entries = [TranscriptEntry(speaker=None, content=f"turn {number}") for number in range(turns)]

    text = shown(quickstart_view.transcript(entries))

    assert text.count("?: turn") == min(turns, 4)
    assert ("more" in text) == (says is not None)
    assert says is None or says in text


@pytest.mark.parametrize(
    ("text", "safe"),
    [
        ("株式会社みらい [bold] :smile:", "株式会社みらい [bold] :smile:"),
        ("a\nb\tc\r\x1b[31md\x9b2J", "a b c [31md 2J"),
        ("\u202egnp.exe\u2066\u2028x", " gnp.exe x"),
        ("a\u200eb\u200fc\u061cd", "a b c d"),
        ("half \ud83d", "half \ufffd"),
        ("क्‍ष family 👨‍👩‍👧", "क्‍ष family 👨‍👩‍👧"),  # joiners belong to letters and to emoji
        ("my key bply_org_0123456789abcdef", "my key bply_org_…cdef"),
        ("set BOOOPLY_PLATFORM_KEY=bply_org_0123456789abcdef", "set BOOOPLY_PLATFORM_KEY=bply_org_…cdef"),
        ("BOOOPLY_API_KEY-0123456789abcdef", "…cdef"),
    ],
)
def test_foreign_text_cannot_act_on_a_terminal(text: str, safe: str) -> None:
    assert printable(text) == safe
