"""The smallest centre that an edge works with: a list of cameras, and answers to what the edge tells."""

import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from contract.cameras import CameraConfig, EdgeConfig
from contract.catalogue import AreaKind, Post, load_catalogue
from contract.edges import EnrolAnswer, ReportAnswer

# The question for a camera to try stays open at a real centre too; answered at once, it would be asked again at once.
NO_TRIAL_S = 20.0


class BenchCentre:
    """Enrols anybody; `heartbeats` keeps what was told."""

    def __init__(self) -> None:
        self.heartbeats: list[dict[str, object]] = []
        self._over = threading.Event()
        # Digests of those that were sent.
        self._clips: set[bytes] = set()
        self._config = EdgeConfig(version="0", catalogue=load_catalogue(), cameras=[])
        centre = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                etag = f'"{centre._config.version}"'
                known = self.headers.get("If-None-Match") == etag
                self._answer(304 if known else 200, "" if known else centre._config.model_dump_json(), etag)

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                if self.path.endswith("/heartbeats"):
                    centre.heartbeats.append(json.loads(body))
                    self._answer(204)
                elif self.path.endswith("/pictures"):
                    self._answer(204)
                elif self.path.endswith("/trials/next"):
                    if centre._over.wait(NO_TRIAL_S):
                        self.close_connection = True  # the edge has gone, nobody hears an answer
                    else:
                        self._answer(204)
                elif self.path.endswith("/enroll"):
                    self._answer(201, EnrolAnswer(edge_id="bench", centre="bench").model_dump_json())
                elif self.path.endswith("/clips") and not centre._has_clip(body):
                    self._answer(422, '{"status": 422, "title": "", "detail": "The clip is missing."}')
                else:
                    key = self.headers["Idempotency-Key"]
                    answer = ReportAnswer.model_validate({"violation_id": key, "case_id": 1, "result": "case_opened", "url": ""})
                    self._answer(201, answer.model_dump_json())

            def _answer(self, status: int, body: str = "", etag: str | None = None) -> None:
                self.send_response(status)
                if etag is not None:
                    self.send_header("ETag", etag)
                if status not in (204, 304):
                    self.send_header("Content-Type", "application/json" if status < 400 else "application/problem+json")
                    self.send_header("Content-Length", str(len(body.encode())))
                self.end_headers()
                self.wfile.write(body.encode())

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def _has_clip(self, body: bytes) -> bool:
        """Whether it is there, or came with a violation before."""
        digests = set(re.findall(rb'"sha256":"([0-9a-f]{64})"', body[:8192]))
        sent = b'name="clip"' in body
        if sent:
            self._clips |= digests
        return sent or digests <= self._clips

    def list_cameras(self, urls: list[str]) -> None:
        """From now on the edge watches these; all rules that a model can see are in force."""
        cameras = [
            CameraConfig(
                id=f"cam{i}", name=f"Kitchen {i}", shop_id="bench", shop_name="", area=AreaKind.SPECIAL_ROOM,
                posts=frozenset({Post.GLOVES_REQUIRED}), url=url,
            )
            for i, url in enumerate(urls)
        ]
        version = str(int(self._config.version) + 1)
        self._config = self._config.model_copy(update={"version": version, "cameras": cameras})

    @contextmanager
    def running(self) -> Iterator[None]:
        thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        thread.start()
        try:
            yield
        finally:
            self._over.set()
            self._server.shutdown()
            self._server.server_close()
            thread.join()
