"""The page of alerts: `python -m tests.docs.alerts_page > docs/operations/alerts.md`."""

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

ALERTS = Path(__file__).parents[2] / "deploy" / "prometheus" / "alerts.yml"
HEAD = """# Alerts

This page is made from `deploy/prometheus/alerts.yml`, and a test keeps it true. **page**: somebody gets no list, act
now. **ticket**: lists go on, look today. Every alert ends by itself when its cause is gone.

Begin with these three, whatever the alert is: they change nothing.

```bash
recsys doctor                    # threads, keys, log, release, registry, Redis: what is wrong, and what to do
recsys runs -n 20                # what the jobs did, and why one was rejected or failed
recsys releases                  # what is live, what was before, what was rejected and why
```

"""


def page() -> str:
    """The whole page."""
    return HEAD + "\n".join(_sections()).rstrip() + "\n"


def _sections() -> Iterator[str]:
    for group in yaml.safe_load(ALERTS.read_text())["groups"]:
        for alert in group["rules"]:
            yield _section(alert)


def _section(alert: dict[str, Any]) -> str:
    words = {name: re.sub(r"{{ \$labels\.(\w+) }}", r"*\1*", text) for name, text in alert["annotations"].items()}
    since = f", after {_words(alert['for'])}" if "for" in alert else ""
    return (
        f"## {alert['alert']}\n\n*{alert['labels']['severity']}{since}.* {words['summary']}.\n\n"
        f"What to do: {words['action']}\n\n`{' '.join(alert['expr'].split())}`\n"
    )


def _words(duration: str) -> str:
    units = {"m": "minutes", "h": "hours"}
    number, unit = duration[:-1], units[duration[-1]]
    return f"{number} {unit.removesuffix('s') if number == '1' else unit}"


if __name__ == "__main__":
    sys.stdout.write(page())
