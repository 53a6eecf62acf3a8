"""Take pictures: ``python docs/.make/screens.py`` writes provision.svg and console.png, and social.png.

The first shows a run of ``boooply provision`` at the API's own pace, which takes two minutes. Chromium takes the rest:
the sandbox's console, and the preview that chats and social networks show next to a link.
"""  # noqa: INP001 - a program, started by its path

import io
import os
import pty
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

from cryptography.fernet import Fernet
from playwright.sync_api import ViewportSize, sync_playwright
from rich.console import Console
from rich.terminal_theme import DIMMED_MONOKAI
from rich.text import Text

from boooply import AIInterview, BoooplyPlatform, Candidate, HumanInterview, Participant, Tenant
from boooply.sandbox import Limits, Sandbox

PICTURES: Final = Path(__file__).parents[1] / "pictures"
ASSETS: Final = Path(__file__).parents[1] / "assets"
COLUMNS: Final = 68
CUSTOMERS: Final = 24
_SHOWN: Final = f"20/{CUSTOMERS} done"  # the moment of the bar that the picture keeps
_CONSOLE: Final = ViewportSize(width=900, height=780)
_SOCIAL: Final = ViewportSize(width=1200, height=630)
_PREVIEW: Final = """<style>
body { margin: 0; padding: 84px 96px; background: #f6f7fb; color: #1b2233; font: 40px/1.4 system-ui, sans-serif; }
header { display: flex; align-items: center; gap: 36px; font-size: 92px; font-weight: 700; }
svg { width: 128px; }
p { margin: 44px 0 36px; font-size: 46px; }
code { display: inline-block; padding: 22px 32px; border: 2px solid #d5d9e6; border-radius: 14px; background: #fff;
  font: 30px/1.6 ui-monospace, Menlo, Consolas, monospace; white-space: pre; }
</style><header>%s boooply</header><p>The Python SDK for Boooply's AI interviews</p><code>%s</code>"""
_SHORTEST: Final = """client = BoooplyClient()
client.interviews.create(AIInterview(
    job_role="Engineer", candidate=jane))"""
_ERASED: Final = re.compile(r"\r\x1b\[(?:1A\x1b\[)?2K|\x1b\[\?25[lh]")


def run_in_terminal(words: list[str], place: str, variables: dict[str, str]) -> str:
    """Run a command in a new terminal, and return its output."""
    leader, follower = pty.openpty()
    environment = os.environ | variables | {"TERM": "xterm-256color", "COLORTERM": "truecolor"}
    environment |= {"COLUMNS": str(COLUMNS), "LINES": "40"}
    with subprocess.Popen(words, stdout=follower, stderr=follower, cwd=place, env=environment):  # noqa: S603 - our own words
        os.close(follower)
        written = b""
        try:
            while chunk := os.read(leader, 65_536):
                written += chunk
        except OSError:  # Linux raises it at the end of the output
            pass
    os.close(leader)
    return written.decode().replace("\r\n", "\n")


def provisioned() -> str:
    """Connect customers, lose one response, and return what the terminal showed, with one frame of the progress bar."""
    with tempfile.TemporaryDirectory() as place, Sandbox(limits=Limits()) as sandbox:
        rows = [f"org_{n},{n},admin@customer{n}.example" for n in range(1, CUSTOMERS + 1)]
        Path(place, "tenants.csv").write_text("\n".join(["organization_id,user_id,user_email", *rows, ""]))
        sandbox.faults.add("create_organization_api_key", "commit-then-drop")
        variables = {
            "BOOOPLY_BASE_URL": sandbox.base_url,
            "BOOOPLY_PLATFORM_KEY": sandbox.platform_key,
            "BOOOPLY_STORE_KEY": Fernet.generate_key().decode(),
            "BOOOPLY_STORE_URL": "sqlite:///boooply.db",
        }
        command = [sys.executable, "-m", "boooply.cli.main", "provision", "tenants.csv"]
        frames = _ERASED.split(run_in_terminal(command, place, variables))
    bar = next(frame for frame in frames if _SHOWN in frame)
    return f"{frames[0]}\n{bar.rstrip()}\n{frames[-1]}"


def take_terminal() -> None:
    """Write the output of a run."""
    console = Console(record=True, width=COLUMNS, file=io.StringIO())
    console.print("[bold green]$[/] boooply provision tenants.csv", highlight=False)
    console.print(Text.from_ansi(provisioned()))
    drawn = console.export_svg(title="boooply provision", theme=DIMMED_MONOKAI, unique_id="provision")
    # its fonts would be fetched from a server, and are named after it
    drawn = re.sub(r"@font-face \{.*?\}\n", "", drawn, flags=re.DOTALL)
    drawn = drawn.replace("Fira Code", "ui-monospace, Menlo, Consolas")
    (PICTURES / "provision.svg").write_text(re.sub(r"[ \t]+\n", "\n", drawn), encoding="utf-8")


def live(sandbox: Sandbox) -> None:
    """Do in a sandbox what a platform does on its first day."""
    with BoooplyPlatform(platform_key=sandbox.platform_key, base_url=sandbox.base_url) as platform:
        acme = Tenant(
            user_id="1",
            user_email="admin@acme.example",
            organization_id="org_acme",
            organization_name="Acme Corporation",
        )
        client = platform.organization(platform.create_organization_api_key(acme).api_key)
        jane = Candidate(name="Jane Doe", email="jane@example.com")
        held = client.interviews.create(AIInterview(job_role="Frontend Engineer", candidate=jane))
        ann = Participant(name="Ann Lee", email="ann@acme.example", role="INTERVIEWER")
        joe = Candidate(name="Joe Roe", email="joe@example.com")
        client.interviews.create(HumanInterview(job_role="Data Analyst", candidate=joe, participants=[ann]))
        sandbox.play(held.meeting_code)
        client.interviews.get_evaluation(held.meeting_code)


def take_console() -> None:
    """Write what the sandbox's console looks like."""
    with Sandbox(limits=Limits()) as sandbox, sync_playwright() as playwright:
        live(sandbox)
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--headless", "--no-sandbox", "--disable-gpu"]
        )
        page = browser.new_page(viewport=_CONSOLE, color_scheme="light")
        page.goto(sandbox.base_url)
        page.get_by_text("Frontend Engineer").first.wait_for()
        page.screenshot(path=PICTURES / "console.png")
        browser.close()


def take_preview() -> None:
    """Write the picture that a link to the site shows elsewhere."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--headless", "--no-sandbox", "--disable-gpu"]
        )
        page = browser.new_page(viewport=_SOCIAL)
        page.set_content(_PREVIEW % ((ASSETS / "icon.svg").read_text("utf-8"), _SHORTEST))
        page.screenshot(path=ASSETS / "social.png")
        browser.close()


if __name__ == "__main__":
    take_preview()
    take_console()
    take_terminal()
