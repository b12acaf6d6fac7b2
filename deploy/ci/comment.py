"""Put reports on a pull request, in one comment that each run writes anew: `python comment.py REPORT.md …`.

Standard library only. From the environment, as GitHub Actions sets it: GITHUB_TOKEN, GITHUB_API_URL,
GITHUB_SERVER_URL, GITHUB_REPOSITORY, GITHUB_RUN_ID and GITHUB_EVENT_PATH, the file of the event of a pull request.
"""

from __future__ import annotations

import json
import os
import sys
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

MARK = "<!-- voicebot bench -->"
"""By which our comment is found again."""
LONGEST = 65_000
"""GitHub takes 65,536 characters."""
PER_PAGE = 100


def body(reports: list[Path]) -> str:
    """The comment: all reports that there are, and where their pages are."""
    texts = [report.read_text(encoding="utf-8").strip() for report in reports if report.is_file()]
    if not texts:
        texts = ["**voicebot bench**: there is no report, because no comparison came to its end."]
    environ = os.environ
    run = f"{environ['GITHUB_SERVER_URL']}/{environ['GITHUB_REPOSITORY']}/actions/runs/{environ['GITHUB_RUN_ID']}"
    link = f"\n\n[The run, with the reports as pages]({run})"
    text = "\n\n".join([MARK, *texts])
    if len(text) + len(link) > LONGEST:
        text = text[: LONGEST - len(link) - 2] + "\n…"
    return text + link


def ask(method: str, path: str, content: Any = None) -> Any:
    """One request to GitHub's API.

    Raises:
        HTTPError: it says no.
    """
    request = urllib.request.Request(
        f"{os.environ['GITHUB_API_URL']}/repos/{os.environ['GITHUB_REPOSITORY']}/{path}",
        method=method,
        data=None if content is None else json.dumps(content).encode(),
        headers={
            "Authorization": f"Bearer {os.environ['GITHUB_TOKEN']}",
            "Accept": "application/vnd.github+json",
        },
    )
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.load(answer)


def earlier(pull: int) -> int | None:
    """Our comment's id, if there is one."""
    page = 1
    while True:
        comments = ask("GET", f"issues/{pull}/comments?per_page={PER_PAGE}&page={page}")
        for comment in comments:
            if comment["body"].startswith(MARK) and comment["user"]["type"] == "Bot":
                return int(comment["id"])
        if len(comments) < PER_PAGE:
            return None
        page += 1


def main(reports: list[Path]) -> int:
    event = json.loads(Path(os.environ["GITHUB_EVENT_PATH"]).read_text(encoding="utf-8"))
    pull = int(event["pull_request"]["number"])
    content = {"body": body(reports)}
    try:
        known = earlier(pull)
        if known is None:
            ask("POST", f"issues/{pull}/comments", content)
        else:
            ask("PATCH", f"issues/comments/{known}", content)
    except urllib.error.HTTPError as error:
        error.close()
        if error.code != 403:
            raise
        # A fork's pull request gets a token that may only read. The reports are in the run's summary too.
        sys.stderr.write("The token may not comment here: the reports are in the run's summary.\n")
    return 0


if __name__ == "__main__":
    sys.exit(main([Path(argument) for argument in sys.argv[1:]]))
