"""The relays that are measured beside each other. Each has `port`, `start`,
`stop` and `roots` (the processes that hold all the others it starts)."""

import pathlib
import shutil
import subprocess

from gateway import Gateway, route
from postfix import Postfix
from processes import as_root, end, free_port, needed, wait_for_port, wait_until

DOMAIN = "nhs.test.example"
DISCLAIMERS = pathlib.Path(__file__).resolve().parent / "disclaimer"


class PostfixAlone:
    """Debian's Postfix as it comes, relaying to one next hop."""

    name = "Postfix"

    def __init__(self, home, sink):
        self.postfix = Postfix(home, settings={"relayhost": f"[127.0.0.1]:{sink}"})
        self.port = self.postfix.port

    def start(self, under=()):
        self.postfix.start(under)

    def stop(self):
        self.postfix.stop()

    def roots(self):
        return [self.postfix.pid()]


class Stack:
    """The job as people do it today: Postfix, rspamd as a milter, altermime
    as a content filter that hands the message back, opendkim signing it then.

    rspamd's checks that need the network are off: they would cost it time
    that no other relay here spends."""

    name = "Postfix + rspamd + altermime + opendkim"

    def __init__(self, home, sink):
        self.home = pathlib.Path(home)
        self.home.mkdir(parents=True)
        self.home.chmod(0o755)
        self.milter = free_port()
        self.signer = self.home / "opendkim/socket"
        filter_script = self._altermime()
        self.postfix = Postfix(
            self.home / "postfix",
            settings={
                "relayhost": f"[127.0.0.1]:{sink}",
                "smtpd_milters": f"inet:127.0.0.1:{self.milter}",
                "non_smtpd_milters": f"unix:{self.signer}",
                "milter_default_action": "tempfail",
                "content_filter": "disclaimer:",
                "command_directory": self._commands(),
            },
            services=(
                f"disclaimer unix - n n - 10 pipe\n"
                f"  flags=Rq user=nobody argv={filter_script} -f ${{sender}} -- ${{recipient}}\n"
            ),
        )
        # The message that is handed back must not go round again.
        master = self.postfix.config / "master.cf"
        master.write_text(master.read_text().replace(
            "n 60   1 pickup\n", "n 60   1 pickup\n  -o content_filter=\n"))
        self.port = self.postfix.port
        self.processes = []

    def _altermime(self):
        """The script of every how-to: to a file, altermime, back by sendmail."""
        spool = self.home / "filter"
        spool.mkdir()
        subprocess.run(as_root("chown", "nobody", spool), check=True)
        script = self.home / "disclaimer.sh"
        script.write_text(f"""#!/bin/sh
cd {spool} || exit 75
trap 'rm -f in.$$' 0 1 2 3 15
cat > in.$$ || exit 75
{needed('altermime')} --input=in.$$ --disclaimer={DISCLAIMERS}.txt --disclaimer-html={DISCLAIMERS}.html \\
    --xheader="X-Disclaimed: yes" || exit 75
MAIL_CONFIG={self.home}/postfix/etc /usr/sbin/sendmail -G -i "$@" < in.$$
exit $?
""")
        script.chmod(0o755)
        return script

    def _commands(self):
        """Postfix's commands, with a postdrop that is not set-gid: the one of
        the system knows no instance but those its own main.cf lists."""
        commands = self.home / "commands"
        commands.mkdir()
        for command in pathlib.Path("/usr/sbin").glob("post*"):
            (commands / command.name).symlink_to(command)
        (commands / "postdrop").unlink()
        shutil.copy("/usr/sbin/postdrop", commands / "postdrop")
        (commands / "postdrop").chmod(0o755)
        return commands

    def _start_rspamd(self, under):
        home = self.home / "rspamd"
        user = "_rspamd"
        files = {
            "worker-normal.inc": "enabled = false;\n",
            "worker-controller.inc": f'bind_socket = "127.0.0.1:{free_port()}";\n',
            "worker-proxy.inc": (
                f'bind_socket = "127.0.0.1:{self.milter}";\nmilter = yes;\ntimeout = 120s;\ncount = 2;\n'
                'upstream "local" { default = yes; self_scan = yes; }\n'
            ),
            "worker-fuzzy.inc": "enabled = false;\n",
            "logging.inc": f'type = "file";\nfilename = "{home}/log/rspamd.log";\n',
            "options.inc": f'check_all_filters = true;\npidfile = "{home}/run/rspamd.pid";\n'
                           f'dns {{ nameserver = ["127.0.0.1:{free_port()}"]; timeout = 0.1s; retransmits = 1; }}\n',
        }
        for module in ("rbl", "spf", "dkim", "dkim_signing", "dmarc", "arc", "asn", "fuzzy_check", "hfilter",
                       "mx_check", "greylist", "ratelimit", "history_redis", "url_redirector", "neural", "replies"):
            files[f"{module}.conf"] = "enabled = false;\n"
        (home / "local.d").mkdir(parents=True)
        for name, text in files.items():
            (home / "local.d" / name).write_text(text)
        for folder in ("db", "run", "log"):
            (home / folder).mkdir()
        subprocess.run(as_root("chown", "-R", user, home / "db", home / "run", home / "log"), check=True)
        return subprocess.Popen(
            as_root(*under, needed("rspamd"), "-f", "-u", user, "-g", user,
                    "--var", f"LOCAL_CONFDIR={home}", "--var", f"DBDIR={home}/db",
                    "--var", f"RUNDIR={home}/run", "--var", f"LOGDIR={home}/log"),
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=open(home / "stderr", "wb"),
        )

    def _start_opendkim(self, under):
        home = self.home / "opendkim"
        home.mkdir()
        subprocess.run(["openssl", "genrsa", "-traditional", "-out", home / "dkim.key", "2048"],
                       check=True, capture_output=True)
        (home / "dkim.key").chmod(0o600)
        subprocess.run(as_root("chown", "-R", "opendkim", home), check=True)
        (self.home / "opendkim.conf").write_text(
            f"Mode s\nDomain {DOMAIN}\nSelector lab\nKeyFile {home}/dkim.key\nUserID opendkim\n"
            f"Socket local:{self.signer}\nCanonicalization relaxed/relaxed\n"
            "InternalHosts 127.0.0.1\nOversignHeaders From\nSyslog no\nUMask 000\n"
            # Its folder is below /var/tmp, which all may write to.
            "RequireSafeKeys no\n"
        )
        return subprocess.Popen(
            as_root(*under, needed("opendkim"), "-f", "-x", self.home / "opendkim.conf"),
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )

    def start(self, under=()):
        self.processes = [self._start_rspamd(under), self._start_opendkim(under)]
        wait_for_port(self.milter, self.processes[0], seconds=180)
        wait_until("opendkim listens", self.signer.exists)
        self.postfix.start(under)
        queue = self.postfix.home / "queue"
        subprocess.run(as_root("chgrp", "nogroup", queue / "maildrop", queue / "public"), check=True)

    def stop(self):
        self.postfix.stop()
        for process in self.processes:
            end(process)

    def roots(self):
        return [self.postfix.pid(), *(process.pid for process in self.processes)]


class Postern:
    """The release binary: classify, tag line, DKIM rsa-2048, fsync."""

    name = "Postern"

    def __init__(self, home, sink):
        self.gateway = Gateway(home, [route("*", sink, tls="opportunistic")])
        self.port = self.gateway.port

    def start(self, under=()):
        self.gateway.start(under)

    def stop(self):
        self.gateway.stop()

    def roots(self):
        return [self.gateway.pid()]
