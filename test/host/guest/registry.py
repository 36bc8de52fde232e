"""A registry to pull from, as the distribution specification has it: /srv/registry/{blobs,tags}, read only.

`tags/<name>/<tag>` holds a manifest's digest. /srv/registry/down makes it answer 503.
"""
import http.server
import os
import re

ROOT = "/srv/registry"


class Registry(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        if os.path.exists(f"{ROOT}/down"):
            return self.end(503)
        if self.path == "/v2/":
            return self.end(200)
        found = re.fullmatch(r"/v2/([a-z0-9/._-]+)/(manifests|blobs)/([A-Za-z0-9._:-]+)", self.path)
        if not found:
            return self.end(404)
        name, kind, reference = found.groups()
        if not reference.startswith("sha256:"):
            try:
                reference = open(f"{ROOT}/tags/{name}/{reference}", encoding="utf-8").read().strip()
            except OSError:
                return self.end(404)
        path = f"{ROOT}/blobs/{reference}"
        if not os.path.exists(path):
            return self.end(404)
        self.send_response(200)
        manifest = "application/vnd.oci.image.manifest.v1+json"
        self.send_header("Content-Type", manifest if kind == "manifests" else "application/octet-stream")
        self.send_header("Content-Length", str(os.path.getsize(path)))
        self.send_header("Docker-Content-Digest", reference)
        self.end_headers()
        if self.command == "GET":
            with open(path, "rb") as file:
                while chunk := file.read(1 << 20):
                    self.wfile.write(chunk)

    do_HEAD = do_GET

    def end(self, status):
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


http.server.ThreadingHTTPServer(("127.0.0.1", 5000), Registry).serve_forever()
