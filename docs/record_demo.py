"""Record `holdfast demo` as docs/demo.svg: `uv run python docs/record_demo.py`.

What the picture shows is what the demo printed, in this run, on this machine.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from pathlib import Path

from rich._export_format import CONSOLE_SVG_FORMAT
from rich.console import Console
from rich.text import Text

HERE = Path(__file__).parent
WIDTH = 100


def main() -> None:
    """Run the demo, colour its marks, write the picture."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch, "demo")
        command = [sys.executable, "-m", "holdfast", "demo", str(folder)]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        said = done.stdout.replace(str(folder), "demo").replace(sys.executable, "python")
    console = Console(record=True, width=WIDTH, file=Path("/dev/null").open("w"))  # noqa: SIM115
    console.print(Text("$ holdfast demo", style="bold"))
    for line in said.splitlines():
        console.print(_coloured(line), crop=True, no_wrap=True, overflow="ellipsis")
    # rich's frame asks a web server for its font; the picture must need nothing from elsewhere.
    frame = re.sub(r"@font-face \{\{.*?\}\}", "", CONSOLE_SVG_FORMAT, flags=re.DOTALL)
    svg = console.export_svg(title="holdfast demo", code_format=frame)
    (HERE / "demo.svg").write_text(svg, encoding="utf-8")


def _coloured(line: str) -> Text:
    text = Text(line)
    text.highlight_regex(r"^\d\. .*$", "bold cyan")
    text.highlight_regex(r"^ +\$ .*$", "bold")
    text.highlight_regex(r"✓", "green")
    text.highlight_regex(r"✗.*|.*DOES NOT MATCH.*|^ +changed: .*", "red")
    text.highlight_regex(r"^ +- .*$", "dim")
    return text


if __name__ == "__main__":
    main()
