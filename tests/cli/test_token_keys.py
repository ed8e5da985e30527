"""gostkey token keys, generate, request, install, and sign --token-key: on the token of
the tests (tests/pkcs11), each command as a user types it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import samples
from mock_tokens import PIN, MockToken, mock_token
from soft_tokens import soft_token

from gostkey.pki.certificates import Certificate
from gostkey.pki.renewal_request import RenewalRequest
from gostkey.pki.requests import Request
from gostkey.signing import SigningKey

from .conftest import AT, Office, Run


@pytest.fixture
def token(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[MockToken]:
    made = mock_token(tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GOSTKEY_PKCS11", made.library)
    Path("pin.txt").write_text(PIN)
    yield made
    made.restart()


WITH_PIN = ("--pin-file", "pin.txt")
RENEWED = samples.container("renewed")


def issued(run: Run, request: str, certificate: str) -> None:
    if not Path("ca").exists():
        assert run("ca", "init", "ca", "--name", "CN=CA", "--no-password").code == 0
    ran = run("ca", "issue", "ca", request, "--out", certificate)
    assert ran.code == 0, ran.stderr


def test_from_nothing_to_a_signature_inside_the_token(
    run: Run, token: MockToken
) -> None:
    made = run("token", "generate", "--label", "director", *WITH_PIN, "--json").record
    assert (made["curve"], made["private_key"]) == ("tc26-256-b", True)
    assert made["curve_oid"] == "1.2.643.2.2.35.1" and made["token"] == "3b000001"
    ran = run(
        *("token", "request", "director", "--name", "CN=Иванов", "--name", "C=RU"),
        *("--out", "request.pem", *WITH_PIN, "--json"),
    )
    assert ran.record["kind"] == "pkcs10" and ran.record["key_id"] == made["key_id"]
    request = Request.from_bytes(Path("request.pem").read_bytes())
    request.verify()
    assert request.public_key.to_bytes().hex() == made["public_key"]

    issued(run, "request.pem", "director.cer")
    ran = run("token", "install", "director.cer", *WITH_PIN)
    assert ran.code == 0
    assert "certificate of Иванов is beside the key director" in ran.stderr
    (record,) = run("token", "keys", "--json").records
    assert record["private_key"] is None
    assert record["certificate"]["subject"]
    assert run("token", "keys", "--check", "--json", *WITH_PIN).record["private_key"]

    Path("letter.txt").write_text("letter")
    ran = run("sign", "--token-key", "director", *WITH_PIN, "letter.txt")
    assert ran.code == 0, ran.stderr
    ran = run("verify", "letter.txt.p7m", "--ca", "ca/ca.crt", "--no-crl", "--json")
    assert ran.code == 0 and ran.record["status"] == "done", ran.stderr
    ran = run(
        *("sign", "--token-key", made["identifier"], "--raw", *WITH_PIN, "letter.txt")
    )
    assert ran.code == 0
    command = ("verify", "--raw", "--signature", "letter.txt.sig", "letter.txt")
    assert run(*command, "--key", "director.cer").code == 0


def test_a_key_of_a_container_is_renewed_into_the_token(
    run: Run, token: MockToken
) -> None:
    RENEWED.write(Path("ivanov.000"))
    old = Certificate.from_bytes(samples.certificate_of(RENEWED.key))
    Path("old.cer").write_bytes(old.der)
    at = f"{old.not_before:%Y-%m-%dT%H:%M:%SZ}"
    run("token", "generate", "--label", "new", "--curve", "tc26-512-a", *WITH_PIN)
    ran = run(
        *("token", "request", "new", "--old-key", "ivanov.000", "--cert", "old.cer"),
        *("--out", "renewal.p7m", "--at", at, *WITH_PIN, "--json"),
    )
    assert ran.code == 0, ran.stderr
    assert ran.record["kind"] == "renewal"
    request = RenewalRequest.from_bytes(Path("renewal.p7m").read_bytes())
    assert request.old_certificate == old
    assert request.request.subject == old.subject
    assert request.request.public_key.curve.name == "tc26-512-a"
    # A key of the token is replaced by another one of it.
    run("token", "generate", "--label", "first", *WITH_PIN)
    run(
        *("token", "request", "first", "--name", "CN=A", "--out", "r.pem", *WITH_PIN),
    )
    issued(run, "r.pem", "first.cer")
    command = ("token", "request", "new", "--old-token-key", "first", *WITH_PIN)
    ran = run(*command, "--out", "second.p7m")
    assert ran.code == 1 and "name it with --cert" in ran.stderr
    run("token", "install", "first.cer", *WITH_PIN)
    assert run(*command, "--out", "second.p7m").code == 0
    assert run("ca", "issue", "ca", "second.p7m", "--out", "new.cer").code == 0
    assert run("token", "install", "new.cer", *WITH_PIN).code == 0
    ran = run(*command, "--out", "third.p7m", "--cert", "new.cer")
    assert ran.code != 0 and "another key than the old one" in ran.stderr


def test_a_campaign_renews_into_the_token(
    run: Run, token: MockToken, office: Office
) -> None:
    at = f"{AT:%Y-%m-%dT%H:%M:%SZ}"
    command = ("renew", "run", office.container(2), "--exchanges-finished")
    command += ("--destination", "chip:3b000001", *WITH_PIN, "--ca", office.authority)
    command += ("--campaign", "campaign", "--no-input", "--at", at, "--json")
    ran = run(*command)
    assert ran.code == 0, ran.stderr
    row = next(one for one in ran.records if one.get("new_container"))
    place = row["new_container"]
    assert place.startswith("chip:3b000001/") and row["backup"] is None
    (record,) = run("token", "keys", "--json").records
    assert record["label"] == place.partition("/")[2]
    assert record["certificate"]


def test_the_table_shows_what_is_known_without_the_pin(
    run: Run, token: MockToken
) -> None:
    ran = run("token", "keys")
    assert ran.code == 0 and "no keys of GOST R 34.10 in the chip" in ran.stderr
    run("token", "generate", "--label", "Отдел", *WITH_PIN)
    logins = token.calls.count("C_Login")
    ran = run("token", "keys")
    assert "Отдел" in ran.stdout and "shown after the PIN only" in ran.stdout
    assert "no certificate" in ran.stdout
    assert token.calls.count("C_Login") == logins
    assert "in the chip" in run("token", "keys", "--check", *WITH_PIN).stdout
    token.order("removed 1")
    ran = run("token", "keys")
    assert ran.code == 0 and "sees no token" in ran.stderr


def test_a_wrong_pin_and_a_blocked_one(run: Run, token: MockToken) -> None:
    token.order("tries 2")
    token.forget()
    token.restart()
    Path("wrong.txt").write_text("11112222")
    command = ("token", "generate", "--label", "any", "--pin-file", "wrong.txt")
    ran = run(*command, "--json")
    assert ran.code == 4 and ran.error["code"] == "wrong_pin"
    assert "one try is left" in ran.error["message"]
    assert "11112222" not in ran.stdout + ran.stderr
    ran = run(*command, "--json")
    assert ran.code == 4 and ran.error["code"] == "pin_blocked"
    assert token.calls.count("C_Login") == 1
    ran = run(*command, "--last-try", "--json")
    assert "blocked it" in ran.error["message"]
    assert run(*command, "--json").error["code"] == "pin_blocked"


def test_the_pin_is_asked_for_on_a_terminal(
    terminal: Callable[..., tuple[int, str]], token: MockToken
) -> None:
    code, shown = terminal(
        *("token", "generate", "--label", "typed"),
        answers=[("PIN of token Mock ECP (3b000001)", PIN)],
    )
    assert code == 0 and "key typed made inside token Mock ECP" in shown
    assert PIN not in shown


def test_without_terminal_and_option_a_person_is_needed(
    run: Run, token: MockToken
) -> None:
    ran = run("token", "generate", "--label", "any", "--json")
    assert ran.code == 4 and ran.error["code"] == "pin_required"
    assert "--pin-file" in ran.error["message"] + ran.error["hint"]


def test_the_library_must_be_named(
    run: Run, token: MockToken, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("GOSTKEY_PKCS11")
    ran = run("token", "keys")
    assert ran.code == 1 and "--library" in ran.stderr
    ran = run("token", "keys", "--library", "none.so")
    assert ran.code == 4 and "none.so: there is no such PKCS #11 library" in ran.stderr
    assert run("token", "keys", "--library", token.library).code == 0


def test_wrong_use(run: Run, token: MockToken) -> None:
    for command, words in (
        (("token", "request", "x", "--out", "r"), "give one of --name"),
        (("sign", "pin.txt"), "--key or with --token-key"),
        (("sign", "--key", "a", "--token-key", "b", "pin.txt"), "--token-key"),
        (("sign", "--token-key", "b", "--slot", "primary", "pin.txt"), "--slot"),
    ):
        ran = run(*command)
        assert ran.code == 1 and words in ran.stderr
    Path("r").write_text("there")
    ran = run("token", "request", "x", "--name", "CN=A", "--out", "r")
    assert ran.code == 3 and "--force" in ran.stderr
    assert "C_Login" not in token.calls


def test_a_request_for_the_wrong_old_key_is_refused(run: Run, token: MockToken) -> None:
    run("token", "generate", "--label", "new", *WITH_PIN)
    with SigningKey.generate("cryptopro-a") as key:
        Path("key.der").write_bytes(key.to_pkcs8())
    Path("old.cer").write_bytes(samples.certificate_of(RENEWED.key))
    ran = run(
        *("token", "request", "new", "--old-key", "key.der", "--cert", "old.cer"),
        *("--out", "renewal.p7m", *WITH_PIN),
    )
    assert ran.code == 3 and "another key than the old one" in ran.stderr
    assert not Path("renewal.p7m").exists()


def test_unusable_keys_are_told_and_the_others_listed(
    run: Run, token: MockToken
) -> None:
    import pkcs11

    run("token", "generate", "--label", "good", *WITH_PIN)
    run("token", "generate", "--label", "lost", *WITH_PIN)
    token.restart()
    (slot,) = pkcs11.lib(token.library).get_tokens()
    with slot.open(rw=True, user_pin=PIN) as session:
        names = pkcs11.Attribute
        private = {names.CLASS: pkcs11.ObjectClass.PRIVATE_KEY, names.LABEL: "lost"}
        (one,) = session.get_objects(private)
        one.destroy()
    token.restart()
    assert run("token", "keys").code == 0
    ran = run("token", "keys", "--check", *WITH_PIN, "--json")
    assert ran.code == 2
    assert [record["status"] for record in ran.records] == ["done", "failed"]
    assert ran.records[1]["error"]["code"] == "private_key_missing"


def test_softhsm_of_the_distribution_has_no_gost(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    library, _, settings = soft_token(tmp_path)
    monkeypatch.setenv("SOFTHSM2_CONF", str(settings))
    (tmp_path / "pin").write_text("1234")
    options = ("--library", library, "--pin-file", tmp_path / "pin")
    assert run("token", "keys", *options).code == 0
    ran = run("token", "generate", "--label", "any", *options)
    import pkcs11

    pkcs11.unload(str(library))
    if ran.code == 0:
        pytest.skip("this SoftHSM was built with GOST; other tests run on it")
    assert ran.code == 4 and "does not make GOST keys" in ran.stderr
