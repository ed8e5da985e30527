"""A real SMTP server (Exim) and a real IMAP server (Dovecot) in a temporary folder.

Both run without rights, on free ports of this machine only, with a configuration, a
queue, logs and mailboxes of their own, and with certificates that are made for them.
As root they are run as another user, who must be able to reach the folder: not one of
pytest's, which are closed to others.  Usable without pytest:

    with MailServers(folder, {"office": "secret", "authority": "secret"}) as servers:
        servers.smtp_port, servers.imap_port, servers.ca_file ...
"""

from __future__ import annotations

import datetime
import ipaddress
import os
import pwd
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

DOMAIN = "office.test"
HOST = "localhost"
EXIM = "/usr/sbin/exim4"
DOVECOT = "/usr/sbin/dovecot"
IMAPD = "/usr/lib/dovecot/imap"
SETPRIV = shutil.which("setpriv")
ORDINARY = "nobody"
LIBRARY = "/usr/lib/dovecot"


def missing() -> str:
    """Say what this machine lacks and how to get it; "" if nothing."""
    for path, package in (
        (EXIM, "exim4-daemon-light"),
        (DOVECOT, "dovecot-imapd"),
        (IMAPD, "dovecot-imapd"),
    ):
        if not Path(path).exists():
            return f"no {path}: apt-get install {package} (tools/environment.sh office)"
    if os.getuid() == 0 and SETPRIV is None:
        return "no setpriv: apt-get install util-linux"
    return ""


def free_port() -> int:
    """Give a port that nobody listens on now."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def make_certificates(folder: Path, host: str = HOST) -> None:
    """Make ca.pem, and server.pem with server.key for *host* and 127.0.0.1."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import NameOID

    now = datetime.datetime.now(datetime.timezone.utc)
    days = datetime.timedelta(days=1)

    def name(text: str) -> x509.Name:
        return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])

    ca_key = ec.generate_private_key(ec.SECP256R1())
    key = ec.generate_private_key(ec.SECP256R1())
    ca_name = name("Throw-away mail CA")
    begun = (
        x509.CertificateBuilder()
        .not_valid_before(now - days)
        .not_valid_after(now + 30 * days)
        .issuer_name(ca_name)
    )
    ca = (
        begun.subject_name(ca_name)
        .public_key(ca_key.public_key())
        .serial_number(x509.random_serial_number())
        .add_extension(x509.BasicConstraints(True, 0), True)
        .add_extension(
            x509.SubjectKeyIdentifier.from_public_key(ca_key.public_key()), False
        )
        .add_extension(
            x509.KeyUsage(False, False, False, False, False, True, True, False, False),
            True,
        )
        .sign(ca_key, hashes.SHA256())
    )
    names = [x509.DNSName(host), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    server = (
        begun.subject_name(name(host))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .add_extension(x509.SubjectAlternativeName(names), False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(ca_key.public_key()),
            False,
        )
        .sign(ca_key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    (folder / "ca.pem").write_bytes(ca.public_bytes(pem))
    (folder / "server.pem").write_bytes(server.public_bytes(pem))
    (folder / "server.key").write_bytes(
        key.private_bytes(
            pem,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )


@dataclass
class MailServers:
    """Exim and Dovecot with some mailboxes; a context manager that ends both."""

    folder: Path
    users: Mapping[str, str]
    """Name (before @office.test) to password."""
    smtp_port: int = 0
    """Submission, STARTTLS, with authentication."""
    smtps_port: int = 0
    """Submission, TLS from the first byte."""
    imap_port: int = 0
    """STARTTLS."""
    imaps_port: int = 0
    _running: list[subprocess.Popen[bytes]] = field(default_factory=list)

    @property
    def ca_file(self) -> Path:
        """The certificate that the servers' certificates are signed with."""
        return self.folder / "ca.pem"

    def mailbox(self, user: str) -> Path:
        """Give a user's Maildir."""
        return self.folder / "mail" / user

    # -- starting and ending ------------------------------------------------

    def __enter__(self) -> MailServers:
        why = missing()
        if why:
            raise RuntimeError(why)
        self._configure()
        try:
            self._start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        """End both servers."""
        self.stop_smtp()
        self.stop_imap()

    def start_smtp(self) -> None:
        """Start Exim, and wait until it answers."""
        log = self.folder / "exim.out"
        self._exim = self._popen(
            [EXIM, "-C", str(self.folder / "exim.conf"), "-bdf", "-q1m"], log
        )
        self._wait_for(self.smtp_port, self._exim, log)

    def start_imap(self) -> None:
        """Start Dovecot, and wait until it answers."""
        log = self.folder / "dovecot.out"
        self._dovecot = self._popen(
            [DOVECOT, "-F", "-c", str(self.folder / "dovecot.conf")], log
        )
        self._wait_for(self.imap_port, self._dovecot, log)

    def stop_smtp(self) -> None:
        """End Exim."""
        _end(getattr(self, "_exim", None))

    def stop_imap(self) -> None:
        """End Dovecot."""
        _end(getattr(self, "_dovecot", None))

    def _start(self) -> None:
        self.start_smtp()
        self.start_imap()

    def _popen(self, command: list[str], log: Path) -> subprocess.Popen[bytes]:
        if os.getuid() == 0:
            user = pwd.getpwnam(ORDINARY)
            assert SETPRIV is not None
            command = [
                SETPRIV,
                f"--reuid={user.pw_uid}",
                f"--regid={user.pw_gid}",
                "--clear-groups",
                "--no-new-privs",
                *command,
            ]
        with log.open("ab") as out:
            return subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                start_new_session=True,
                cwd=self.folder,
            )

    def _wait_for(self, port: int, process: subprocess.Popen[bytes], log: Path) -> None:
        end = time.monotonic() + 30
        while time.monotonic() < end:
            if process.poll() is not None:
                break
            try:
                with socket.create_connection(("127.0.0.1", port), 2) as one:
                    if one.recv(1):
                        return
            except OSError:
                time.sleep(0.05)
        raise RuntimeError(f"{process.args!r} does not answer: {self.logs()}")

    def logs(self) -> str:
        """Give the end of what the servers wrote."""
        parts = []
        for path in sorted(self.folder.glob("*.out")) + sorted(
            self.folder.glob("log/*")
        ):
            parts.append(f"{path.name}:\n{path.read_text(errors='replace')[-3000:]}")
        return "\n".join(parts)

    # -- configuration ------------------------------------------------------

    def _write_users(self) -> None:
        users = self.users.items()
        for file, lines in (
            ("users", [f"{name}:{{PLAIN}}{word}" for name, word in users]),
            ("words", [f"{name}: {word}" for name, word in users]),
            ("boxes", [f"{name}: {name}" for name in self.users]),
        ):
            (self.folder / file).write_text("".join(f"{one}\n" for one in lines))

    def _configure(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        for name in ("mail", "spool", "log", "run", "state"):
            (self.folder / name).mkdir(exist_ok=True)
        for name in ("smtp_port", "smtps_port", "imap_port", "imaps_port"):
            if not getattr(self, name):
                setattr(self, name, free_port())
        make_certificates(self.folder)
        who = pwd.getpwnam(ORDINARY) if os.getuid() == 0 else pwd.getpwuid(os.getuid())
        group = _group_name(who.pw_gid)
        self._write_users()
        values = {
            "folder": self.folder,
            "user": who.pw_name,
            "uid": who.pw_uid,
            "gid": who.pw_gid,
            "group": group,
            "domain": DOMAIN,
            "host": HOST,
            "smtp_port": self.smtp_port,
            "smtps_port": self.smtps_port,
            "imap_port": self.imap_port,
            "imaps_port": self.imaps_port,
            "library": LIBRARY,
        }
        (self.folder / "exim.conf").write_text(_EXIM % values)
        (self.folder / "dovecot.conf").write_text(_DOVECOT % values)
        if os.getuid() == 0:
            for path in [self.folder, *self.folder.rglob("*")]:
                os.chown(path, who.pw_uid, who.pw_gid)
            for parent in self.folder.parents:
                if not parent.stat().st_mode & 0o001:
                    raise RuntimeError(
                        f"{parent}: is closed to {ORDINARY}, who runs the mail "
                        "servers; choose a folder in one that is open, such as /tmp"
                    )


def _group_name(gid: int) -> str:
    import grp

    return grp.getgrgid(gid).gr_name


def _end(process: subprocess.Popen[bytes] | None) -> None:
    """End a server and the processes that it began: they have a session of theirs."""
    if process is None:
        return
    for number in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, number)
        except ProcessLookupError:
            pass
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            continue


_EXIM = """\
# Exim without rights: takes mail of its users only, delivers into Maildirs.
exim_user = %(user)s
exim_group = %(group)s
never_users =
primary_hostname = %(host)s
qualify_domain = %(domain)s
spool_directory = %(folder)s/spool
log_file_path = %(folder)s/log/%%s
pid_file_path = %(folder)s/run/exim.pid
local_interfaces = <; 127.0.0.1
daemon_smtp_ports = %(smtp_port)d : %(smtps_port)d
tls_on_connect_ports = %(smtps_port)d
tls_advertise_hosts = *
tls_certificate = %(folder)s/server.pem
tls_privatekey = %(folder)s/server.key
auth_advertise_hosts = ${if eq{$tls_in_cipher}{}{}{*}}
keep_environment =
add_environment =
deliver_drop_privilege = true
disable_ipv6 = true
host_lookup =
rfc1413_hosts =
helo_allow_chars = _
message_size_limit = 20M
queue_run_in_order = true
smtp_accept_max = 100
smtp_accept_max_per_host = 100
smtp_accept_queue_per_connection = 0
acl_smtp_rcpt = rcpt
acl_smtp_data = accept
ignore_bounce_errors_after = 1h

begin acl
rcpt:
  accept authenticated = *
  deny message = authentication is required

begin routers
boxes:
  driver = accept
  domains = %(domain)s
  local_parts = lsearch;%(folder)s/boxes
  transport = boxes

begin transports
boxes:
  driver = appendfile
  directory = %(folder)s/mail/$local_part_data
  maildir_format
  create_directory
  delivery_date_add
  envelope_to_add
  user = %(user)s
  group = %(group)s
  mode = 0600

begin retry
* * F,1m,1m

begin rewrite

begin authenticators
plain:
  driver = plaintext
  public_name = PLAIN
  server_prompts = :
  server_condition = ${if and{{!eq{$auth3}{}}{eq{$auth3}\
    {${lookup{$auth2}lsearch{%(folder)s/words}{$value}{}}}}}{yes}{no}}
  server_set_id = $auth2
"""

_DOVECOT = """\
# Dovecot without rights: IMAP over the Maildirs that Exim fills.
base_dir = %(folder)s/run/dovecot
state_dir = %(folder)s/state
log_path = %(folder)s/log/dovecot.log
info_log_path = %(folder)s/log/dovecot.log
protocols = imap
listen = 127.0.0.1
default_internal_user = %(user)s
default_internal_group = %(group)s
default_login_user = %(user)s
first_valid_uid = 1
first_valid_gid = 1
ssl = required
ssl_cert = <%(folder)s/server.pem
ssl_key = <%(folder)s/server.key
disable_plaintext_auth = yes
auth_mechanisms = plain
auth_failure_delay = 0
mail_location = maildir:%(folder)s/mail/%%n
mail_fsync = never
passdb {
  driver = passwd-file
  args = scheme=PLAIN username_format=%%n %(folder)s/users
}
userdb {
  driver = static
  args = uid=%(uid)d gid=%(gid)d home=%(folder)s/mail/%%n
}
namespace inbox {
  inbox = yes
}
service imap-login {
  chroot =
  inet_listener imap {
    port = %(imap_port)d
  }
  inet_listener imaps {
    port = %(imaps_port)d
    ssl = yes
  }
}
service anvil {
  chroot =
  # No waiting after wrong passwords: all tests come from one address.
  unix_listener anvil-auth-penalty {
    mode = 0
  }
}
service stats {
  chroot =
}
service imap {
  process_limit = 100
}
"""
