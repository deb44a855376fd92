"""Processes that start at once, for tests of many commands: forked from one that has already loaded torch.

Nothing of genlab is loaded before the fork. Tests of the start itself, of streams and of signals take a fresh process.
"""

import functools
import gc
import json
import os
import runpy
import signal
import subprocess
import sys
import tempfile
import traceback
from pathlib import Path

SECONDS = 120
"""The longest that a process may take."""


@functools.cache
def server() -> subprocess.Popen:
    """The process that the others are forked from; it ends when this one does, because its standard input ends."""
    command, root = [sys.executable, "-m", "tests.forks"], Path(__file__).parents[1]
    return subprocess.Popen(command, cwd=root, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def python(
    *words: object, folder: Path, input: str = "", env: dict[str, str] | None = None
) -> subprocess.CompletedProcess:
    """Runs `python -m MODULE ...`, `python -c CODE ...` or `python FILE ...` in `folder`."""
    said = [os.fsdecode(word) if isinstance(word, bytes) else str(word) for word in words]
    with tempfile.TemporaryDirectory() as made:
        streams = [Path(made) / name for name in ("in", "out", "err")]
        streams[0].write_text(input)
        request = [said, str(folder), dict(env or os.environ), list(map(str, streams))]
        server().stdin.write(json.dumps(request) + "\n")
        server().stdin.flush()
        code = int(server().stdout.readline())
        printed = [stream.read_text(errors="surrogateescape") for stream in streams[1:]]
    return subprocess.CompletedProcess(said, code, *printed)


def genlab_fork(*words: object, folder: Path, **options) -> subprocess.CompletedProcess:
    """Runs `python -m genlab ...` in `folder`."""
    return python("-m", "genlab", *words, folder=folder, **options)


def become(words: list[str], folder: str, env: dict[str, str], streams: list[str]) -> None:
    """Turns a fork into the process that was asked for; it ends without tidying up torch, which would take a second."""
    for number, (file, flags) in enumerate(zip(streams, (os.O_RDONLY, *[os.O_WRONLY | os.O_CREAT] * 2), strict=True)):
        os.dup2(os.open(file, flags), number)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(env)
    sys.path[:1] = ["", *filter(None, env.get("PYTHONPATH", "").split(":"))]
    signal.alarm(SECONDS)
    code = 1
    try:
        run(*words)
        code = 0
    except SystemExit as end:
        code = int(end.code or 0)
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        os._exit(code)


def run(kind: str, *words: str) -> None:
    sys.argv = [kind, *words[kind in ("-m", "-c") :]]
    if kind == "-m":
        runpy.run_module(words[0], run_name="__main__", alter_sys=True)
    elif kind == "-c":
        exec(compile(words[0], "<string>", "exec"), {"__name__": "__main__"})
    else:
        sys.path[0] = str(Path(kind).parent)
        runpy.run_path(kind, run_name="__main__")


def serve() -> None:
    """Forks a process for every line of standard input, and prints its exit code."""
    import lightning_fabric  # noqa: F401
    import matplotlib.pyplot  # noqa: F401
    import tokenizers  # noqa: F401
    import torch._dynamo  # noqa: F401  # every optimiser loads it

    gc.freeze()  # a collection in a fork would copy the memory of all of these
    while line := sys.stdin.readline():
        if (child := os.fork()) == 0:
            become(*json.loads(line))
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)


if __name__ == "__main__":
    serve()
