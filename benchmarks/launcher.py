"""Run a command, and print what it cost as JSON: exit status, seconds, and the peak of its resident memory in MiB.

    python -I -S launcher.py PROGRAM [ARGUMENT ...]

A script of its own, and with as few imports as can be: a new process begins as a copy of the one that starts it, and
Linux counts that copy into its peak. Started from a script that has imported torch, every command would seem to need
as much memory as torch does.
"""

import json
import os
import sys
import time


def main() -> None:
    """What the command writes is thrown away."""
    command = sys.argv[1:]
    silence = [(os.POSIX_SPAWN_OPEN, stream, os.devnull, os.O_WRONLY, 0) for stream in (1, 2)]
    began = time.perf_counter()
    process = os.posix_spawn(command[0], command, os.environ, file_actions=silence)
    _, status, usage = os.wait4(process, 0)
    seconds = time.perf_counter() - began
    units_in_mib = 1 << 20 if sys.platform == "darwin" else 1 << 10  # of ru_maxrss: bytes there, KiB elsewhere
    cost = {"status": os.waitstatus_to_exitcode(status), "seconds": seconds, "peak_mib": usage.ru_maxrss / units_in_mib}
    print(json.dumps(cost))


if __name__ == "__main__":
    main()
