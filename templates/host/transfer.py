"""Transfers a dump's files in encrypted parts, on the host's loopback: transfer.py <directory of the dump>.

A session of Session Manager ends here; no container reaches the host's ports. What leaves is encrypted to the
certificate of the backup (RUN/transfer/cert.pem), what comes is encrypted to this host's one-time key (key.pem). Each
part is a message of its own (cms.py), which bounds the memory on both sides. GET /<file>/<part> answers ranges of the
same ciphertext, by its ETag; PUT stores a part. RUN/transfer/asked has the monotonic time of the last request or byte.
"""
import fcntl
import hashlib
import hmac
import http.server
import os
import re
import shutil
import subprocess
import sys
import threading
import time

from cms import PART, encrypted

RUN = os.environ["RUN"]
ROOM = f"{RUN}/transfer"
KEPT = 8
PIECE = 64 * 1024
# Seconds without a request.
IDLE = float(os.environ.get("TRANSFER_IDLE", "900"))


class Parts:
    """The last requested parts, encrypted: a repeated request continues in the same ciphertext."""

    def __init__(self, directory):
        self.directory, self.kept, self.lock = directory, {}, threading.Lock()

    def get(self, name, number):
        with self.lock:
            if (name, number) in self.kept:
                return self.kept[name, number]
        with open(f"{self.directory}/{name}", "rb") as file:
            sealed = encrypted(file, number, f"{ROOM}/cert.pem")
        with self.lock:
            while len(self.kept) >= KEPT:
                self.kept.pop(next(iter(self.kept)))
            self.kept[name, number] = sealed
        return sealed

    def put(self, name, number, sealed):
        done = subprocess.run(["openssl", "cms", "-decrypt", "-binary", "-inform", "DER", "-inkey", f"{ROOM}/key.pem"],
                              input=sealed, capture_output=True, check=False)
        if done.returncode != 0 or len(done.stdout) > PART:
            return False
        handle = os.open(f"{self.directory}/{name}", os.O_WRONLY | os.O_CREAT, 0o600)
        try:
            os.pwrite(handle, done.stdout, number * PART)
        finally:
            os.close(handle)
        return True


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "librechat-lab"
    timeout = 120

    def part(self):
        """The file and the number of the part; None, after an answer, for a request of another command."""
        self.server.asked = time.monotonic()
        given = self.headers.get("Authorization", "")
        found = re.fullmatch(r"/([a-z][a-z.]{0,40})/([0-9]{1,7})", self.path)
        if not hmac.compare_digest(given.encode(), f"Bearer {self.server.token}".encode()) or not found:
            self.say(403 if found else 404)
            return None
        return found.group(1), int(found.group(2))

    def say(self, code, body=b"", **headers):
        self.send_response(code)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        # A slow connection takes minutes for a part.
        for at in range(0, len(body), PIECE):
            self.wfile.write(body[at:at + PIECE])
            self.server.asked = time.monotonic()

    def do_GET(self):
        asked = self.part()
        if asked is None:
            return
        if not os.path.exists(f"{self.server.parts.directory}/{asked[0]}"):
            self.say(404)
            return
        body = self.server.parts.get(*asked)
        tag = hashlib.sha256(body).hexdigest()
        begin = re.fullmatch(r"bytes=([0-9]+)-", self.headers.get("Range", ""))
        if begin and self.headers.get("If-Range") == tag:
            self.say(206, body[int(begin.group(1)):], ETag=tag)
        else:
            self.say(200, body, ETag=tag)

    def do_PUT(self):
        asked = self.part()
        size = int(self.headers.get("Content-Length", "0"))
        if asked is None or size > PART + 4096:
            self.close_connection = True
            return
        body = bytearray()
        while len(body) < size and (piece := self.rfile.read(min(PIECE, size - len(body)))):
            body += piece
            self.server.asked = time.monotonic()
        if len(body) == size:
            self.say(204 if self.server.parts.put(*asked, body) else 400)

    def log_message(self, *_):
        pass


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    asked = 0.0
    parts = None
    token = ""


def write(name, value):
    with open(f"{ROOM}/{name}.new", "w", encoding="utf-8") as file:
        file.write(str(value))
    os.replace(f"{ROOM}/{name}.new", f"{ROOM}/{name}")


def main():
    os.umask(0o077)
    server = Server(("127.0.0.1", 0), Handler)
    server.asked = time.monotonic()
    server.parts = Parts(sys.argv[1])
    with open(f"{ROOM}/token", encoding="utf-8") as file:
        server.token = file.read()
    with open(f"{RUN}/keep-awake", "a", encoding="utf-8") as awake:
        fcntl.flock(awake, fcntl.LOCK_SH)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        write("asked", server.asked)
        write("port", server.server_port)
        while time.monotonic() - server.asked < IDLE:
            write("asked", server.asked)
            time.sleep(1)
    # Nobody asked to restore what was sent.
    if os.path.basename(os.path.dirname(sys.argv[1])) == "incoming":
        shutil.rmtree(sys.argv[1], ignore_errors=True)


main()
