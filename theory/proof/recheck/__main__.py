"""``python theory/proof/recheck proof.json``, also from a copy of this folder."""

import importlib
import sys
from pathlib import Path

if __name__ == "__main__":
    folder = Path(__file__).resolve().parent
    sys.path.insert(0, str(folder.parent))
    if len(sys.argv) != 2:
        print("got no file, or several; expected one: python theory/proof/recheck proof.json", file=sys.stderr)
        sys.exit(2)
    sys.exit(importlib.import_module(folder.name).main(sys.argv[1]))
