"""Look at a page in a real browser: Chromium without a window, one process a page, no server."""

from __future__ import annotations

import html
import json
import re
import shutil
import subprocess
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_OPTIONS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync", "--hide-scrollbars",
)  # fmt: skip
# Everything is opened, laid out and measured; the answer is left in the page, which the browser prints.
_LOOK = """
document.querySelectorAll("details").forEach(part => { part.open = true; });
const empty = part => { const box = part.getBoundingClientRect(); return !(box.width > 1 && box.height > 1); };
const words = part => part.textContent.replace(/\\s+/g, " ").trim().slice(0, 80);
const all = (selector, root = document) => [...root.querySelectorAll(selector)];
const known = new Set(("math mrow mi mn mo mtext mspace mfrac msqrt mroot msub msup msubsup munder mover munderover "
  + "mtable mtr mtd mstyle semantics annotation").split(" "));
const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT, node =>
  node.parentElement.closest("script, style, code, pre, svg, annotation") ? NodeFilter.FILTER_REJECT
    : NodeFilter.FILTER_ACCEPT);
const raw = [];
while (texts.nextNode()) if (/[$\\\\]/.test(texts.currentNode.data)) raw.push(texts.currentNode.data.trim());
const drawn = svg => { const box = svg.getBBox(); return box.width > 1 && box.height > 1; };
const found = {
  formulas: all("math").length, figures: all("figure").length, proofs: all("details").length,
  empty_formulas: all("math").filter(empty).map(words),
  errors: all("merror").map(words),
  unknown: all("math *").filter(part => !known.has(part.localName)).map(part => part.localName),
  empty_figures: all("figure").filter(part => !all("svg, img", part).length
    || all("svg", part).some(svg => empty(svg) || !drawn(svg))
    || all("img", part).some(image => empty(image) || !image.naturalWidth)).map(part => part.id || words(part)),
  unnamed_figures: all("figure svg").filter(part => !(part.getAttribute("aria-label") || "").trim()).length
    + all("figure img").filter(part => !part.alt.trim() || part.alt.length > 120).length,
  broken_images: all("img").filter(part => !part.naturalWidth).map(part => part.src.slice(0, 80)),
  raw: raw, fetched: performance.getEntriesByType("resource").map(entry => entry.name)
    .filter(name => !name.startsWith("data:")),
  lost_links: all("a[href^='#']").map(part => part.getAttribute("href").slice(1))
    .filter(name => !document.getElementById(name)),
  too_wide: document.documentElement.scrollWidth - innerWidth,
};
const answer = document.createElement("template");
answer.id = "found";
answer.setAttribute("data-found", JSON.stringify(found));
document.body.append(answer);
"""


@dataclass(frozen=True)
class Seen:
    """What a browser made of a page: how many formulas, figures and proofs, and everything that is wrong."""

    formulas: int
    figures: int
    proofs: int
    wrong: dict[str, object] = field(default_factory=dict)


def chromium() -> str | None:
    """The browser's program, or None."""
    return next(filter(None, map(shutil.which, _NAMES)), None)


def look(page: str, *, width: int = 1000) -> Seen:
    """Open a page and measure it; RuntimeError where the browser gives no answer."""
    with tempfile.TemporaryDirectory(prefix="bnverify-browser-", ignore_cleanup_errors=True) as folder:
        file = Path(folder) / "page.html"
        file.write_text(page.replace("</body>", f"<script>{_LOOK}</script></body>"))
        answer = _run(folder, "--dump-dom", f"--window-size={width},900", file.as_uri())
    match = re.search(r'data-found="([^"]*)"', answer)
    if match is None:
        raise RuntimeError(f"the browser did not measure the page: {answer[:300]}")
    found = json.loads(html.unescape(match[1]))
    counts = {name: found.pop(name) for name in ("formulas", "figures", "proofs")}
    found["too_wide"] = max(0, found["too_wide"])
    return Seen(**counts, wrong={name: value for name, value in found.items() if value})


def ask(page: str, script: str, *, width: int = 1000) -> Any:
    """Open a page, run a script in it, and return what it passes to ``answer``; RuntimeError where it does not."""
    code = f"""
      const answer = found => {{
        const told = document.createElement("template");
        told.id = "found"; told.setAttribute("data-found", JSON.stringify(found));
        document.body.append(told);
      }};
      addEventListener("load", () => {{ {script} }});
    """
    with tempfile.TemporaryDirectory(prefix="bnverify-browser-", ignore_cleanup_errors=True) as folder:
        file = Path(folder) / "page.html"
        file.write_text(page.replace("</body>", f"<script>{code}</script></body>"))
        options = ("--dump-dom", "--virtual-time-budget=4000", f"--window-size={width},900")
        told = _run(folder, *options, file.as_uri())
    match = re.search(r'data-found="([^"]*)"', told)
    if match is None:
        raise RuntimeError(f"the page gave no answer: {told[:300]}")
    return json.loads(html.unescape(match[1]))


def _run(folder: str, *arguments: str) -> str:
    command = [str(chromium()), *_OPTIONS, f"--user-data-dir={folder}/profile", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    if done.returncode:
        raise RuntimeError(f"the browser ended with {done.returncode}: {done.stderr[-300:]}")
    return done.stdout
