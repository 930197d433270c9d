"""Reading speed: `mathdata.read` beside polars, the standard library and `datasets`, on JSON lines of real rows.

    python bench/read_speed.py [ROWS] [FILE]

The peers only parse; `mathdata.read` also recognises the layout, takes the answer out of the solution, hashes every
row and notes its file and line. Each is run in a process of its own, the best of three.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path

PEERS = {
    "mathdata.read": "from mathdata.io import read; go = lambda p: read(p).height",
    "polars.read_ndjson": "import polars; go = lambda p: polars.read_ndjson(p, infer_schema_length=None).height",
    "json.loads a line": "import json; go = lambda p: sum(1 for line in open(p, 'rb') if json.loads(line))",
    "datasets (no cache)": (
        "import datasets, tempfile; datasets.disable_progress_bars(); "
        "go = lambda p: len(datasets.load_dataset('json', data_files=p, split='train', cache_dir=tempfile.mkdtemp()))"
    ),
}


def seconds(setup: str, path: Path) -> tuple[float, float, int]:
    """(wall, processor, rows) of the best of three; processor seconds tell more on a busy machine."""
    code = (
        f"import time, sys\n{setup}\nt, c = time.perf_counter(), time.process_time(); n = go(sys.argv[1])\n"
        "print(time.perf_counter() - t, time.process_time() - c, n)"
    )
    runs = []
    for _ in range(3):
        done = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=True)
        wall, processor, rows = done.stdout.split()[-3:]
        runs.append((float(wall), float(processor), int(rows)))
    return min(runs)


def main() -> None:
    from mathdata.io import data_root

    rows = int(sys.argv[1]) if len(sys.argv) > 1 else 200_000
    source = Path(sys.argv[2]) if len(sys.argv) > 2 else data_root() / "gsm8k" / "train.jsonl"
    lines = source.read_bytes().splitlines(keepends=True)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "rows.jsonl"
        path.write_bytes(b"".join(lines[n % len(lines)] for n in range(rows)))
        size = path.stat().st_size
        found = {name: seconds(setup, path) for name, setup in PEERS.items()}
    ours = found["mathdata.read"][1]
    print(f"{rows:,} rows of {source.name}, {size / 1e6:.0f} MB")
    print(f"  {'':22s} {'wall s':>8} {'cpu s':>8} {'rows per cpu s':>15}   cpu, ours = 1")
    for name, (wall, processor, got) in found.items():
        assert got == rows, f"{name} gave {got} rows"
        print(f"  {name:22s} {wall:8.2f} {processor:8.2f} {rows / processor:15,.0f} {processor / ours:10.2f}")
    print(
        json.dumps({"rows": rows, "mb": round(size / 1e6), "cpu": {n: round(c, 3) for n, (_, c, _) in found.items()}})
    )


if __name__ == "__main__":
    main()
