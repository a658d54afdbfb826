"""Kill one training run again and again with SIGKILL, resume it each time, and compare it with one left alone.

    python tools/kill_and_resume.py --kills 20

Exits 0 when every kill hit a running process and the final checkpoints (weights, averages, Adam's moments)
are equal byte for byte, and the logs row for row but for their times; 1 otherwise.
"""

from __future__ import annotations

import argparse
import json
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path


def command(arguments: argparse.Namespace, out: Path) -> list[str]:
    """A run with frequent checkpoints; --resume begins it where there is none yet."""
    return [
        *(sys.executable, "-m", "digitsmith", "train", arguments.model, "--data", arguments.data),
        *("--epochs", str(arguments.epochs), "--threads", str(arguments.threads), "--augment"),
        *("--checkpoint-every-images", str(arguments.checkpoint_every_images), "--log-every-steps", "10"),
        *("--out", str(out), "--resume"),
    ]


def start(arguments: argparse.Namespace, out: Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen(command(arguments, out), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def newest(out: Path) -> Path:
    return max((out / "checkpoints").glob("*.safetensors"))


def images_done(out: Path) -> int:
    """Images seen by the newest checkpoint; 0 before the first."""
    return max((int(path.stem) for path in (out / "checkpoints").glob("*.json")), default=0)


def log_without_times(out: Path) -> list[dict[str, object]]:
    rows = [json.loads(line) for line in (out / "log.jsonl").read_text().splitlines()]
    return [{key: row[key] for key in row if key not in ("seconds", "images_per_s")} for row in rows]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--model", default="acgan")
    parser.add_argument("--data", default="mnist")
    parser.add_argument("--epochs", type=float, default=1.0)
    parser.add_argument("--threads", type=int, default=0)
    parser.add_argument("--checkpoint-every-images", type=int, default=1_000)
    parser.add_argument("--seed", type=int, default=0, help="of the moments at which it kills")
    arguments = parser.parse_args()
    moments = random.Random(arguments.seed)

    with tempfile.TemporaryDirectory() as folder:
        alone, killed = Path(folder, "alone"), Path(folder, "killed")
        began = time.perf_counter()
        undisturbed = start(arguments, alone)
        while undisturbed.poll() is None and not (alone / "checkpoints").exists():
            time.sleep(0.01)
        start_up_s = time.perf_counter() - began
        if undisturbed.wait() != 0:
            print("the undisturbed run failed")
            return 1
        # Bits are equal for equal threads, and another measurement may find another number of them best.
        arguments.threads = json.loads((alone / "run.json").read_text())["settings"]["threads"]
        training_s = time.perf_counter() - began - start_up_s
        print(f"undisturbed: {start_up_s:.1f} + {training_s:.1f} s, {newest(alone).name}", flush=True)

        whole_run = images_done(alone)
        for number in range(1, arguments.kills + 1):
            process = start(arguments, killed)
            # One in four while it starts; the others while it trains or saves, each a little further on, up to
            # four fifths of the run. What it waits for is the run's own progress, so a slow machine is no matter.
            aim = int(moments.random() > 0.25) * 0.8 * whole_run * number / arguments.kills
            while process.poll() is None and images_done(killed) < aim:
                time.sleep(0.01)
            time.sleep(moments.uniform(0, start_up_s if aim == 0 else 0.1 * training_s))
            process.kill()
            if process.wait() != -signal.SIGKILL:
                print(f"the run had ended before kill {number}; give it more --epochs")
                return 1
            print(f"kill {number}: at {images_done(killed):,} of {whole_run:,} images", flush=True)
        if start(arguments, killed).wait() != 0:
            print("the last resume failed")
            return 1

        same_state = newest(alone).name == newest(killed).name and (
            newest(alone).read_bytes() == newest(killed).read_bytes()
        )
        same_log = log_without_times(alone) == log_without_times(killed)
    print(f"{arguments.kills} kills; final state {'equal' if same_state else 'DIFFERENT'}, ", end="")
    print(f"log {'equal' if same_log else 'DIFFERENT'}")
    return 0 if same_state and same_log else 1


if __name__ == "__main__":
    sys.exit(main())
