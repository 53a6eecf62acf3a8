"""Signatures that Node's crypto made over what JSON.stringify printed: as recorded, and live where node is."""

import base64
import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from boooply.errors import InvalidSignatureError
from boooply.webhooks import Webhook, sign
from boooply.webhooks.signature import stringified

HERE = Path(__file__).parent
RECORDED = json.loads(Path(HERE, "vectors.json").read_text(encoding="utf-8"))
NODE = shutil.which("node")

vector = pytest.mark.parametrize("vector", RECORDED["vectors"], ids=[one["name"] for one in RECORDED["vectors"]])


def body_of(vector: dict[str, str]) -> bytes:
    return base64.b64decode(vector["body"])


@vector
def test_a_body_signed_by_node_verifies(vector: dict[str, str]) -> None:
    event = Webhook(RECORDED["secret"]).verify(body_of(vector), {"X-Boooply-Signature": vector["signature"]})
    assert event.event == json.loads(body_of(vector))["event"]
    assert event.meeting_code == "Boooply-AI-1"


@vector
def test_our_signature_is_nodes(vector: dict[str, str]) -> None:
    assert sign(body_of(vector), RECORDED["secret"]) == vector["signature"]


@vector
@pytest.mark.parametrize("form", [{}, {"indent": 2}, {"ensure_ascii": True, "separators": (",", ":")}], ids=str)
def test_a_body_that_python_wrote_again_is_diagnosed(vector: dict[str, str], form: dict[str, Any]) -> None:
    if vector["name"] == "numbers":
        pytest.skip("JavaScript prints 1e-7 where Python prints 1e-07, which is lost when it is read")
    again = json.dumps(json.loads(body_of(vector)), **form).encode()
    if again == body_of(vector):
        pytest.skip("this form is the vendor's own")
    with pytest.raises(InvalidSignatureError, match=r"request\.get_data\(\)") as caught:
        Webhook(RECORDED["secret"]).verify(again, {"X-Boooply-Signature": vector["signature"]})
    assert caught.value.is_reserialized


def test_a_whole_number_that_became_a_float_is_diagnosed() -> None:
    assert stringified(b'{"overallRating": 4.0, "much": 1e21}') == b'{"overallRating":4,"much":1e+21}'


@pytest.mark.skipif(NODE is None, reason="node is not on this machine: the recorded vectors are all there is")
def test_node_signs_today_what_it_signed_then() -> None:
    assert NODE is not None
    live = subprocess.run([NODE, str(Path(HERE, "vectors.mjs"))], check=True, capture_output=True).stdout  # noqa: S603 - our own script
    assert json.loads(live) == RECORDED
