"""Debian's Postfix as a peer: an instance of its own, with its own
configuration and queue, beside whatever Postfix the system may run."""

import pathlib
import subprocess

from processes import as_root, exists, free_port, needed, wait_for_port, wait_until

MAIN = """\
compatibility_level = 3.6
queue_directory = {home}/queue
data_directory = {home}/data
daemon_directory = /usr/lib/postfix/sbin
meta_directory = /etc/postfix
mail_owner = postfix
setgid_group = postdrop
myhostname = {name}
mydestination =
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
mynetworks = 127.0.0.0/8
disable_dns_lookups = yes
smtp_host_lookup = native
alias_maps =
alias_database =
local_recipient_maps =
biff = no
"""

# Debian's own, no service in a chroot, and no SMTP server but ours.
MASTER = """\
127.0.0.1:{port} inet n - n - - smtpd
pickup    unix  n - n 60   1 pickup
cleanup   unix  n - n -    0 cleanup
qmgr      unix  n - n 300  1 qmgr
tlsmgr    unix  - - n 1000? 1 tlsmgr
rewrite   unix  - - n -    - trivial-rewrite
bounce    unix  - - n -    0 bounce
defer     unix  - - n -    0 bounce
trace     unix  - - n -    0 bounce
verify    unix  - - n -    1 verify
flush     unix  n - n 1000? 0 flush
proxymap  unix  - - n -    - proxymap
proxywrite unix - - n -    1 proxymap
smtp      unix  - - n -    - smtp
relay     unix  - - n -    - smtp
showq     unix  n - n -    - showq
error     unix  - - n -    - error
retry     unix  - - n -    - error
discard   unix  - - n -    - discard
local     unix  - n n -    - local
virtual   unix  - n n -    - virtual
lmtp      unix  - - n -    - lmtp
anvil     unix  - - n -    1 anvil
scache    unix  - - n -    1 scache
postlog   unix-dgram n - n - 1 postlogd
"""


class Postfix:
    """Give `home` on a real disk, in a place the user `postfix` can reach."""

    def __init__(self, home, name="postfix.test.example", settings=None, services="", port=None):
        needed("postfix")
        self.home = pathlib.Path(home)
        self.port = port or free_port()
        self.config = self.home / "etc"
        for folder in (self.config, self.home / "queue", self.home / "data"):
            folder.mkdir(parents=True)
        settings = settings or {}
        (self.config / "main.cf").write_text(
            MAIN.format(home=self.home, name=name) + "".join(f"{k} = {v}\n" for k, v in settings.items())
        )
        (self.config / "master.cf").write_text(MASTER.format(port=self.port) + services)
        # The master process starts as root; its queue and state are postfix's.
        subprocess.run(as_root("chown", "root:root", self.home / "queue", self.config), check=True)
        subprocess.run(as_root("chown", "postfix", self.home / "data"), check=True)

    def start(self, under=()):
        """`under`: a command to start it by, such as strace, which stays."""
        starter = subprocess.Popen(
            as_root(*under, needed("postfix"), "-c", self.config, "start"),
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
        )
        if not under:
            _, said = starter.communicate()
            if starter.returncode != 0:
                raise RuntimeError(f"postfix did not start: {said}")
        wait_for_port(self.port)
        return self

    def stop(self):
        pid = self.pid()
        if pid is not None:
            subprocess.run(as_root(needed("postfix"), "-c", self.config, "stop"), capture_output=True, check=False)
            wait_until("postfix ended", lambda: not exists(pid))

    def pid(self):
        """Of its master process."""
        try:
            return int((self.home / "queue/pid/master.pid").read_text())
        except (FileNotFoundError, PermissionError, ValueError):
            return None

    def queue(self):
        """What stands in its queue, as lines of JSON."""
        return subprocess.run(
            as_root(needed("postqueue"), "-c", self.config, "-j"), capture_output=True, text=True, check=True
        ).stdout.splitlines()

    def flush(self):
        subprocess.run(as_root(needed("postqueue"), "-c", self.config, "-f"), check=True)

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.stop()
