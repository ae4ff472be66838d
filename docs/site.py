"""The site: a page a theorem, a page a paper, the reference of all modules:  python docs/site.py [DIRECTORY]"""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

from bnverify.reports.chapters.site import build_site

ROOT = Path(__file__).parent.parent


def build(directory: Path) -> int:
    """Write everything; the number of pages besides the reference."""
    spec = importlib.util.spec_from_file_location("api", ROOT / "docs" / "api.py")
    assert spec is not None and spec.loader is not None
    api = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(api)
    api.build(directory / "api")
    return len(build_site(directory, ROOT / "reports" / "gallery"))


if __name__ == "__main__":
    target = Path(sys.argv[1] if len(sys.argv) > 1 else "build/site")
    print(f"{build(target)} pages: {target / 'index.html'}")
