"""A proxy in front of a listener that asks for the PROXY protocol: for clients
that do not speak it."""

import contextlib
import socket
import threading


@contextlib.contextmanager
def proxied(port, client="192.0.2.7"):
    """A port that leads to `port`, where all come from `client`."""
    door = socket.create_server(("127.0.0.1", 0))

    def pump(one, other):
        with contextlib.suppress(OSError):
            while octets := one.recv(65536):
                other.sendall(octets)
            other.shutdown(socket.SHUT_WR)

    def serve():
        with contextlib.suppress(OSError):
            while True:
                near, _ = door.accept()
                far = socket.create_connection(("127.0.0.1", port))
                far.sendall(f"PROXY TCP4 {client} 192.0.2.25 4000 25\r\n".encode())
                for ends in ((near, far), (far, near)):
                    threading.Thread(target=pump, args=ends, daemon=True).start()

    threading.Thread(target=serve, daemon=True).start()
    try:
        yield door.getsockname()[1]
    finally:
        door.close()
