"""A web server that publishes an MTA-STS policy: the certificate, and what it
says, are the test's to choose."""

import http.server
import ssl
import threading
import time

PATH = "/.well-known/mta-sts.txt"


def policy(mode="enforce", mx=("mx.good.example",), max_age=86400, version="STSv1"):
    """The text of a policy, its lines ended by CRLF."""
    lines = [f"version: {version}", f"mode: {mode}", *(f"mx: {name}" for name in mx), f"max_age: {max_age}"]
    return "".join(line + "\r\n" for line in lines)


class PolicyHost:
    """`certificate`: files of the chain and key. `body`, `status`, `media_type`,
    `fields` (more header fields) and `delay` may be changed while it runs;
    `asked` has the Host and path of every request."""

    def __init__(self, certificate, body):
        self.body, self.status, self.media_type = body, 200, "text/plain"
        self.fields, self.delay, self.asked = {}, 0, []
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*certificate)
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.server.daemon_threads = True
        # A handshake that fails, or never comes, holds up its own thread only.
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True, do_handshake_on_connect=False)
        self.server.handle_error = lambda *_: None
        self.port = self.server.server_address[1]
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()

    def _handler(self):
        host = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                host.asked.append((self.headers["Host"], self.path))
                time.sleep(host.delay)
                body = host.body if isinstance(host.body, bytes) else host.body.encode()
                self.send_response(host.status)
                fields = {"Content-Type": host.media_type, "Content-Length": str(len(body))} | host.fields
                for name, value in fields.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        return Handler
