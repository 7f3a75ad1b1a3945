"""Pages opened in a real browser, at several widths, and what a person would stumble over there."""

import html
import json
import re
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

WIDTHS = (1280, 768, 390, 320)
BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome", "chrome"))), None)
needs_browser = pytest.mark.skipif(BROWSER is None, reason="no Chromium here; on Debian: apt install chromium")

# Opens the page at several widths and writes down what a person would stumble over.
LOOK = """
const tooSmall = 12, found = [];
const frames = [...document.querySelectorAll("iframe")];
const meet = (a, b) => a.left < b.right - 1 && b.left < a.right - 1 && a.top < b.bottom - 1 && b.top < a.bottom - 1;
function look(frame) {
  const page = frame.contentDocument, root = page.documentElement;
  const told = (fault) => found.push(frame.width + ": " + fault);
  if (root.scrollWidth > root.clientWidth) told("wider than the screen by " + (root.scrollWidth - root.clientWidth));
  const walker = page.createTreeWalker(page.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const parent = walker.currentNode.parentElement, style = frame.contentWindow.getComputedStyle(parent);
    const text = walker.currentNode.data.trim();
    if (text && parseFloat(style.fontSize) < tooSmall) told("tiny: " + text);
  }
  for (const row of page.querySelectorAll(".row")) {
    const places = (parts) => [...parts].map((part) => part.getBoundingClientRect());
    const boxes = places(row.children).filter((box) => box.width && box.height);
    const pairs = boxes.flatMap((a, i) => boxes.slice(i + 1).map((b) => [a, b]));
    if (pairs.some(([a, b]) => meet(a, b))) told("overlap: " + row.textContent);
    const labels = places(row.querySelectorAll(".plot span"));
    labels.slice(1).forEach((b, i) => { if (b.left < labels[i].right) told("labels meet: " + row.textContent); });
  }
  found.push(frame.width + " seen " + page.querySelectorAll(".row svg").length);
}
window.addEventListener("load", () => {
  frames.forEach(look);
  document.getElementById("found").textContent = JSON.stringify(found);
});
"""


def looks_well(pages: Sequence[str], folder: Path, *, is_dark: bool, pictures: int = 11) -> None:
    """Asserts that each page opens at every width without errors, overlaps or overflow, and that many pictures."""
    frames = "".join(
        f'<iframe width="{width}" height="900" srcdoc="{html.escape(page)}"></iframe>'
        for page in pages
        for width in WIDTHS
    )
    (folder / "look.html").write_text(
        f'<!DOCTYPE html><meta charset="utf-8"><pre id="found"></pre>{frames}<script>{LOOK}</script>', encoding="utf-8"
    )
    shown = _opened(folder / "look.html", folder / "profile", is_dark=is_dark)
    assert re.findall(r".*CONSOLE.*", shown.stderr) == []
    findings = json.loads(html.unescape(re.findall(r'<pre id="found">(.*?)</pre>', shown.stdout, re.DOTALL)[0]))
    assert [fault for fault in findings if " seen " not in fault] == []
    assert [int(line.split()[-1]) >= pictures for line in findings] == [True] * len(WIDTHS) * len(pages)


def _opened(page: Path, profile: Path, *, is_dark: bool) -> "subprocess.CompletedProcess[str]":
    options = (
        "--headless=new --no-sandbox --disable-gpu --no-first-run --enable-logging=stderr --dump-dom "
        f"--virtual-time-budget=5000 --blink-settings=preferredColorScheme={0 if is_dark else 1}"
    )
    command = [str(BROWSER), *options.split(), f"--user-data-dir={profile}", page.as_uri()]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
