"""A name server for the gateway under test, in a thread: what it is told is
all that exists; a name with `SILENT` is never answered."""

import socket
import threading

import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset

SILENT = object()


class NameServer:
    """`names`: by name, the records by type: {"x.example": {"A": "127.0.0.2"}}."""

    def __init__(self, port, names):
        self.names, self.asked = names, []
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", port))
        self.socket.settimeout(0.1)
        self.over = threading.Event()
        self.thread = threading.Thread(target=self._serve, daemon=True)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        self.thread.join()
        self.socket.close()

    def _serve(self):
        while not self.over.is_set():
            try:
                octets, client = self.socket.recvfrom(4096)
            except TimeoutError:
                continue
            query = dns.message.from_wire(octets)
            question = query.question[0]
            name = question.name.to_text(omit_final_dot=True).lower()
            kind = dns.rdatatype.to_text(question.rdtype)
            self.asked.append((name, kind))
            records = self.names.get(name)
            if records is SILENT:
                continue
            answer = dns.message.make_response(query)
            answer.flags |= dns.flags.RA
            if records is None:
                answer.set_rcode(dns.rcode.NXDOMAIN)
            elif kind in records:
                answer.answer.append(dns.rrset.from_text(question.name, 300, "IN", kind, records[kind]))
            self.socket.sendto(answer.to_wire(), client)
