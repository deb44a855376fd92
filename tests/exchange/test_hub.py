"""Uploads to a local stand-in for the hub."""

import base64
import json
import os
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar

import pytest

from tests.forks import genlab_fork

pytest.importorskip("huggingface_hub")


class Hub(BaseHTTPRequestHandler):
    """A server that answers like the hub when a client creates a repository and commits to it; it keeps the files."""

    files: ClassVar[dict[str, bytes]] = {}
    repositories: ClassVar[dict[str, bool]] = {}
    message = ""

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.headers.get("Authorization") != "Bearer hf_right":
            self.answer(401, {"error": "Invalid credentials"})
        elif "/other/" in self.path:
            self.answer(403, {"error": "You don't have the rights"})
        elif self.path == "/api/repos/create":
            asked = json.loads(body)
            name = f"{asked.get('organization') or 'me'}/{asked['name']}"
            self.repositories[name] = asked.get("private") or asked.get("visibility") == "private"
            self.answer(200, {"url": f"http://{self.headers['Host']}/{name}", "id": name})
        elif "/preupload/" in self.path:
            files = [
                {"path": file["path"], "uploadMode": "regular", "shouldIgnore": False, "oid": None}
                for file in json.loads(body)["files"]
            ]
            self.answer(200, {"files": files})
        elif "/commit/" in self.path:
            for line in body.decode().splitlines():
                entry = json.loads(line)
                if entry["key"] == "file":
                    assert entry["value"]["encoding"] == "base64"
                    self.files[entry["value"]["path"]] = base64.b64decode(entry["value"]["content"])
            address = f"http://{self.headers['Host']}/me/model/commit/abc"
            self.answer(200, {"commitUrl": address, "commitOid": "abc", "pullRequestUrl": None})
        else:
            self.answer(200, {})  # a check of the card

    def do_GET(self) -> None:
        self.answer(200, {"sha": "abc", "siblings": [], "id": "me/model", "name": "me", "type": "user"})

    def answer(self, status: int, value: dict) -> None:
        data = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def hub(tmp_path):
    """The environment in which the client finds the stand-in."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    Hub.files.clear()
    Hub.repositories.clear()
    proxies = ("HF_HUB_OFFLINE", "HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy", "ALL_PROXY", "all_proxy")
    kept = {key: value for key, value in os.environ.items() if key not in proxies}
    yield kept | {
        "HF_ENDPOINT": f"http://127.0.0.1:{server.server_port}",
        "HF_TOKEN": "hf_right",
        "HF_HOME": str(tmp_path / "home"),
        "HF_HUB_DISABLE_TELEMETRY": "1",
    }
    server.shutdown()


def test_the_hub_gets_what_export_writes(trained, tmp_path, hub):
    done = genlab_fork("push", trained, "me/model", "--private", "--json", folder=tmp_path, env=hub)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["url"].endswith("/me/model")
    assert Hub.repositories == {"me/model": True}
    done = genlab_fork("export", trained, "--to", "hf", "out", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    written = {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()}
    assert written == Hub.files
    assert str(trained.parent).encode() not in b"".join(written.values())


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        ("me/model", {"HF_TOKEN": "hf_wrong"}, "may not write to me/model: log in with `hf auth login`"),
        ("other/model", {}, "may not write to other/model"),
        ("a/b/c", {}, "'a/b/c' is not a valid repository: give OWNER/NAME"),
        ("me/model", {"HF_ENDPOINT": "http://127.0.0.1:9"}, "Cannot reach the Hub at http://127.0.0.1:9"),
    ],
)
def test_what_the_hub_refuses(trained, tmp_path, hub, name, change, message):
    done = genlab_fork("push", trained, name, "--json", folder=tmp_path, env=hub | change)
    assert done.returncode == 2, done.stderr
    assert message in json.loads(done.stdout)["error"]["message"]
    assert Hub.files == {}
