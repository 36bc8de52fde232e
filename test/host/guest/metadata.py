"""The instance metadata service, version 2, in a network namespace of its own: metadata.py <hop limit>.

Its packets really start with the time to live that is the hop limit, so that a router on the way drops them when
there are too many hops, as AWS's do.
"""
import http.server
import socket
import sys


class Metadata(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_PUT(self):
        self.say("the-token" if self.path == "/latest/api/token" else "")

    def do_GET(self):
        if self.headers.get("X-aws-ec2-metadata-token") != "the-token":
            return self.say("", 401)
        return self.say({
            "/latest/meta-data/iam/security-credentials/": "LibreChatInstanceRole",
            "/latest/meta-data/local-ipv4": "10.0.2.15",
        }.get(self.path, "?"))

    def say(self, text, status=200):
        self.send_response(status)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *_):
        pass


server = http.server.ThreadingHTTPServer(("169.254.169.254", 80), Metadata, bind_and_activate=False)
server.socket.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, int(sys.argv[1]))
server.server_bind()
server.server_activate()
server.serve_forever()
