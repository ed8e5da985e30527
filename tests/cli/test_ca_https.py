"""`gostkey ca serve --https` in a process of its own, and its clients."""

from __future__ import annotations

import hashlib
import json
import shutil
import signal
import socket
import ssl
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from cryptography import x509

from gostkey.pki.certificates import Certificate
from gostkey.pki.crls import RevocationList

from .conftest import AT, Office, Ran, Run, command, environment

NOW = ["--at", AT.isoformat()]

pytestmark = pytest.mark.skipif(
    sys.platform == "win32", reason="needs SIGINT (POSIX) to stop the server"
)
with_curl = pytest.mark.skipif(
    shutil.which("curl") is None,
    reason="needs curl as a second client: apt-get install curl",
)
with_openssl = pytest.mark.skipif(
    shutil.which("openssl") is None,
    reason="needs openssl as a second reader: apt-get install openssl",
)


@dataclass
class Serving:
    """A server in another process."""

    url: str
    tls: Path
    fingerprint: str | None
    told: str = ""


@contextmanager
def serving(
    office: Office, *options: object, address: str = "127.0.0.1"
) -> Iterator[Serving]:
    """Run `gostkey ca serve --https` until the body is done; then Ctrl-C."""
    process = subprocess.Popen(
        command(
            *["ca", "serve", office.authority, "--https", f"{address}:0", "--json"],
            *["--interval", "0.1", *NOW, *options],
        ),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment(),
    )
    assert process.stdout is not None and process.stderr is not None
    try:
        first = process.stdout.readline()
        assert first, process.stderr.read().decode()
        told = json.loads(first)
        one = Serving(told["url"], office.authority / "https.crt", told["tls_sha256"])
        yield one
    finally:
        process.send_signal(signal.SIGINT)
        said = process.stderr.read().decode()
        code = process.wait(60)
    one.told = said
    assert code == 130
    assert "Traceback" not in said


def trusted(office: Office, base: Path) -> Path:
    folder = base / "trusted"
    folder.mkdir(exist_ok=True)
    (folder / "ca.crt").write_bytes(office.root_certificate.read_bytes())
    return folder


def renew(run: Run, office: Office, base: Path, site: Serving, *options: object):
    return run(
        *["renew", "run", "--csv", office.list, "--campaign", base / "campaign"],
        *["--url", site.url, "--url-ca", site.tls, *options, *NOW, "--json"],
    )


def test_a_list_is_renewed_over_https(run: Run, office: Office, tmp_path: Path) -> None:
    with serving(office) as site:
        root = trusted(office, tmp_path)
        ran = renew(run, office, tmp_path, site, "--trusted", root)
        assert ran.code == 0, ran.stderr
        assert [one.get("status") for one in ran.records] == 4 * ["renewed"] + [None]
        der = ssl.PEM_cert_to_DER_cert(site.tls.read_text())
        digest = hashlib.sha256(der).digest()
    assert site.fingerprint == digest.hex(":").upper()
    # The operator sees what was issued, and how the TLS certificate can be known.
    assert site.told.count("127.0.0.1: ") == 4
    assert site.fingerprint in site.told


@with_curl
@with_openssl
def test_curl_and_openssl_understand_the_server(
    run: Run, office: Office, tmp_path: Path
) -> None:
    def curl(*arguments: object) -> bytes:
        done = subprocess.run(
            ["curl", "-sS", "--cacert", str(site.tls), *map(str, arguments)],
            capture_output=True,
            check=False,
            timeout=60,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def openssl(*arguments: str, data: bytes) -> bytes:
        done = subprocess.run(
            ["openssl", *arguments],
            input=data,
            capture_output=True,
            check=False,
            timeout=60,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    requests = tmp_path / "requests"
    ran = run(
        *["renew", "run", "--csv", office.list, "--campaign", tmp_path / "campaign"],
        *["--outbox", requests, "--inbox", tmp_path / "answers"],
        *["--trusted", trusted(office, tmp_path), *NOW],
    )
    assert ran.code == 0, ran.stderr
    root = Certificate.from_bytes(office.root_certificate.read_bytes())
    with serving(office) as site:
        body = curl(f"{site.url}/.well-known/est/cacerts")
        pem = openssl("base64", "-d", data=body)
        listed = openssl("pkcs7", "-inform", "DER", "-print_certs", data=pem)
        assert Certificate.from_bytes(listed).der == root.der
        # By the other of OpenSSL's readers too.
        shown = openssl("cms", "-inform", "DER", "-cmsout", "-print", data=pem)
        assert b"pkcs7-signedData" in shown and b"signerInfos:" in shown

        crl = curl(f"{site.url}/crl")
        RevocationList.from_bytes(crl).verify_signed_by(root)
        text = openssl("crl", "-inform", "DER", "-noout", "-nextupdate", data=crl)
        assert text.startswith(b"nextUpdate=")

        # The same request twice, once as DER and once in base64: one certificate.
        request = sorted(requests.glob("*.p7m"))[0]
        coded = tmp_path / "coded"
        coded.write_bytes(openssl("base64", data=request.read_bytes()))
        found = [
            curl(
                *["-H", "Content-Type: application/pkcs7-mime"],
                *["--data-binary", f"@{file}"],
                f"{site.url}/.well-known/est/simplereenroll",
            )
            for file in (request, coded)
        ]
        assert found[0] == found[1]
        answer = openssl("base64", "-d", data=found[0])
        issued = openssl("pkcs7", "-inform", "DER", "-print_certs", data=answer)
        Certificate.from_bytes(issued).verify_signed_by(root)

        # A bare PKCS#10 is EST's request, but proves nothing.
        refused = curl(
            *["-H", "Content-Type: application/pkcs10", "-w", "%{http_code}"],
            *["--data-binary", f"@{coded}"],
            f"{site.url}/.well-known/est/simplereenroll",
        )
        record, status = json.loads(refused[:-3]), refused[-3:]
        assert (status, record["code"]) == (b"403", "proof-needed")


def test_a_server_that_wants_a_password_gets_it_from_a_file(
    run: Run, office: Office, tmp_path: Path
) -> None:
    accounts, right, wrong = (tmp_path / one for one in ("accounts", "right", "wrong"))
    accounts.write_text("north:correct horse\nsouth:battery staple\n")
    right.write_text("south:battery staple\n")
    wrong.write_text("south:correct horse\n")
    with serving(office, "--auth-file", accounts) as site:
        root = ["--trusted", trusted(office, tmp_path)]
        ran = renew(run, office, tmp_path, site, *root, "--url-auth-file", wrong)
        assert ran.code == 3, ran.stderr
        errors = [one["error"] for one in ran.records[:-1]]
        assert {one["code"] for one in errors} == {"transport"}
        assert str(wrong) in errors[0]["message"]
        wrong.write_bytes(right.read_bytes())
        ran = run("renew", "resume", "--campaign", tmp_path / "campaign", *NOW)
        assert ran.code == 0, ran.stderr
    for text in (ran.stdout, ran.stderr, site.told):
        assert "horse" not in text and "staple" not in text


@pytest.mark.parametrize("command", ["resume", "receive"])
def test_a_wrong_address_is_corrected_and_the_requests_stay_the_same(
    run: Run, office: Office, tmp_path: Path, command: str
) -> None:
    root = trusted(office, tmp_path)
    # Root and CRL are known, so that the requests are made and try to go.
    made = run("ca", "crl", office.authority, "--out", root / "ca.crl", *NOW)
    assert made.code == 0, made.stderr
    campaign = ["--campaign", tmp_path / "campaign", *NOW, "--json"]
    config = tmp_path / "renew.toml"

    def not_at(ran: Ran, url: str) -> list[str]:
        """Check that nothing got to an address; name the requests."""
        assert ran.code == 3, ran.stderr
        errors = [one["error"] for one in ran.records[:-1]]
        assert {one["code"] for one in errors} == {"transport"}
        assert all(f"{url}/.well-known/" in one["message"] for one in errors)
        names = [one["request_id"] for one in ran.records[:-1]]
        assert len(set(names)) == 4
        return names

    with serving(office) as site:
        wrong = replace(site, url=f"{site.url}/a")
        ran = renew(run, office, tmp_path, wrong, "--trusted", root)
        begun = not_at(ran, wrong.url)
        # The campaign keeps what is named, and the rest of what it had.
        ran = run("renew", "resume", *campaign, "--url", f"{site.url}/b")
        assert not_at(ran, f"{site.url}/b") == begun
        # A file of options speaks of campaigns that begin.
        config.write_text(f'[authority]\nurl = "{site.url}"\n')
        ran = run("renew", "resume", *campaign, "--config", config)
        assert not_at(ran, f"{site.url}/b") == begun
        ran = run("renew", command, *campaign, "--url", site.url)
        if command == "receive":
            # It sends nothing, and knows the address for what does.
            ran = run("renew", "resume", *campaign)
        assert ran.code == 0, ran.stderr
        assert [one.get("status") for one in ran.records] == 4 * ["renewed"] + [None]
        assert [one["request_id"] for one in ran.records[:-1]] == begun


def test_a_way_of_another_kind_is_named_whole(
    run: Run, office: Office, tmp_path: Path
) -> None:
    root = trusted(office, tmp_path)
    # No file of TLS certificates: nothing is asked, and nothing waited for.
    wrong = Serving("https://127.0.0.1:1", office.list, None)
    ran = renew(run, office, tmp_path, wrong, "--trusted", root)
    assert ran.code == 3, ran.stderr
    resume = ["renew", "resume", "--campaign", tmp_path / "campaign", *NOW, "--json"]
    assert run(*resume, "--outbox", tmp_path / "out").code == 1
    assert run(*resume, "--url", "https://x", "--ca", office.authority).code == 1
    ran = run(*resume, "--ca", office.authority)
    assert ran.code == 0, ran.stderr


@pytest.mark.parametrize(
    "options",
    [
        [],
        ["--https", "nonsense"],
        ["--https", "127.0.0.1:99999"],
        ["--https", "127.0.0.1:0", "--tls-cert", "x"],
        ["--https", "127.0.0.1:0", "--once"],
        ["--inbox", "x"],
        ["--delay", "5", "--inbox", "x", "--outbox", "y"],
    ],
    ids=" ".join,
)
def test_options_that_do_not_go_together(
    run: Run, office: Office, options: list[str]
) -> None:
    ran = run("ca", "serve", office.authority, *options)
    assert ran.code == 1, ran.stderr


def test_tls_files_that_cannot_be_used_are_told(
    run: Run, office: Office, tmp_path: Path
) -> None:
    broken = tmp_path / "broken.pem"
    broken.write_text("no PEM")
    ran = run(
        *["ca", "serve", office.authority, "--https", "127.0.0.1:0", "--json"],
        *["--tls-cert", broken, "--tls-key", broken],
    )
    assert (ran.code, ran.error["code"]) == (3, "transport_error")
    assert str(broken) in ran.error["message"]


@pytest.mark.parametrize("address", ["", "0.0.0.0"])
def test_a_server_at_all_addresses_is_called_by_the_machines_name(
    office: Office, address: str
) -> None:
    with serving(office, address=address) as site:
        host = site.url.removeprefix("https://").split(":")[0]
        assert host == socket.gethostname()
        made = x509.load_pem_x509_certificate(site.tls.read_bytes())
    names = made.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    assert set(names.value.get_values_for_type(x509.DNSName)) == {host, "localhost"}
    addresses = names.value.get_values_for_type(x509.IPAddress)
    assert [str(one) for one in addresses] == ["127.0.0.1"]


def test_a_second_server_at_a_port_leaves_the_first_ones_certificate(
    run: Run, office: Office
) -> None:
    with serving(office) as site:
        before = site.tls.read_bytes()
        address = site.url.removeprefix("https://")
        ran = run("ca", "serve", office.authority, "--https", address, "--json")
        assert (ran.code, ran.error["code"]) == (3, "transport_error")
        assert address in ran.error["message"]
        # What helps a campaign is nothing for an authority.
        assert "hint" not in ran.error
        assert site.tls.read_bytes() == before


@pytest.mark.parametrize(
    "options",
    [
        ["--url", "http://127.0.0.1:1", "--trusted", "t"],
        ["--url", "https://name:word@127.0.0.1", "--trusted", "t"],
        ["--url", "https://127.0.0.1:1"],
        ["--url", "https://127.0.0.1:1", "--url-root", "abc"],
        ["--submit-command", "x", "--fetch-command", "x {answer}", "--trusted", "t"],
    ],
    ids=" ".join,
)
def test_an_address_that_cannot_be_is_told_before_anything_is_made(
    run: Run, office: Office, tmp_path: Path, options: list[str]
) -> None:
    ran = run(
        *["renew", "run", "--csv", office.list, "--campaign", tmp_path / "c"],
        *options,
        "--json",
    )
    assert ran.code == 1, ran.stderr
    assert "word" not in ran.stdout.replace("password", "")
    assert not (tmp_path / "c").exists()


@pytest.mark.parametrize(
    "options",
    [
        ["--url-ca", "x", "--trusted", "t"],
        ["--url", "https://x", "--trusted", "t", "--ca", "y"],
        ["--url", "https://x", "--trusted", "t", "--outbox", "y"],
        ["--submit-command", "true", "--trusted", "t"],
        ["--submit-command", "true", "--fetch-command", "true {answer}"],
        [
            "--submit-command",
            "a",
            "--fetch-command",
            "b",
            "--trusted",
            "t",
            "--ca",
            "y",
        ],
    ],
    ids=" ".join,
)
def test_two_ways_to_the_authority_are_wrong_use(
    run: Run, office: Office, tmp_path: Path, options: list[str]
) -> None:
    ran = run(
        *["renew", "run", "--csv", office.list, "--campaign", tmp_path / "c"], *options
    )
    assert ran.code == 1, ran.stderr
    assert not (tmp_path / "c").exists()
