"""`gostkey sign` and `gostkey verify` agree with each other and with the vectors."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from gostkey import curves, keyforms

from .conftest import AT, Office, Run

LATER = "2026-06-02"


@pytest.fixture
def document(tmp_path: Path) -> Path:
    file = tmp_path / "договор.txt"
    file.write_text("Договор № 7", encoding="utf-8")
    return file


@pytest.fixture
def crl(run: Run, office: Office, tmp_path: Path) -> Path:
    file = tmp_path / "ca.crl"
    ran = run("ca", "crl", office.authority, "--out", file, "--at", AT.isoformat())
    assert ran.code == 0, ran.stderr
    return file


def write_public(file: Path, case: dict[str, str], curve: str) -> None:
    point = bytes.fromhex(case["qx"])[::-1] + bytes.fromhex(case["qy"])[::-1]
    der = keyforms.encode_spki(curves.get(curve), keyforms.Scheme.GOST_2012, point)
    file.write_bytes(der)


def test_a_published_signature_verifies_and_a_changed_one_does_not(
    run: Run, vectors: Any, tmp_path: Path
) -> None:
    # The vectors' name of the curve -> ours, one for each size.
    for named, curve in (("cpA", "tc26-256-b"), ("tc512A", "tc26-512-a")):
        case = next(
            one
            for one in vectors("gost3410")["random"]
            if one["curve"] == named and "message" in one
        )
        file, signature, key = (tmp_path / name for name in ("m", "s", "k"))
        file.write_bytes(bytes.fromhex(case["message"]))
        good = bytes.fromhex(case["s"] + case["r"])
        signature.write_bytes(good)
        write_public(key, case, curve)
        arguments = ["verify", file, "--raw", "--signature", signature, "--key", key]
        assert run(*arguments).code == 0
        file.write_bytes(file.read_bytes() + b"!")
        ran = run(*arguments, "--json")
        assert (ran.code, ran.error["code"]) == (3, "invalid_signature")
        assert str(file) in ran.error["message"]


@pytest.mark.parametrize("bad", [b"", b"\x00" * 63, b"\xff" * 64, b"\x00" * 64])
def test_a_signature_out_of_range_is_a_bad_signature(
    run: Run, vectors: Any, tmp_path: Path, bad: bytes
) -> None:
    case = next(one for one in vectors("gost3410")["random"] if one["curve"] == "cpA")
    file, signature, key = (tmp_path / name for name in ("m", "s", "k"))
    file.write_bytes(b"text")
    signature.write_bytes(bad)
    write_public(key, case, "tc26-256-b")
    ran = run("verify", file, "--raw", "--signature", signature, "--key", key, "--json")
    assert (ran.code, ran.error["code"]) == (3, "invalid_signature")


def test_raw_signatures_go_round(run: Run, document: Path, tmp_path: Path) -> None:
    key, public = tmp_path / "key.pem", tmp_path / "public.pem"
    run("key", "generate", "--no-password", "--out", key)
    run("key", "public", key, "--out", public)
    ran = run("sign", document, "--key", key, "--raw", "--json")
    assert ran.code == 0
    signature = Path(ran.record["signature"])
    assert signature.name == "договор.txt.sig"
    assert len(signature.read_bytes()) == 64
    ran = run("verify", document, "--raw", "--signature", signature, "--key", public)
    assert ran.code == 0 and "is good" in ran.stdout
    again = run("sign", document, "--key", key, "--raw", "--json")
    assert (again.code, again.error["code"]) == (3, "already_exists")


@pytest.mark.parametrize("detached", [True, False])
def test_a_message_signed_with_a_container_verifies(
    run: Run, office: Office, document: Path, crl: Path, tmp_path: Path, detached: bool
) -> None:
    signing = ["sign", document, "--key", office.container(0), "--at", LATER]
    signing += ["--password-file", office.password_file(0)]
    ran = run(*signing, *(["--detached"] if detached else []), "--json")
    assert ran.code == 0, ran.stderr
    message = Path(ran.record["signature"])
    assert message.suffix == (".p7s" if detached else ".p7m")
    verifying = ["verify", *([document, "--signature"] if detached else []), message]
    trust = ["--ca", office.root_certificate, "--crl", crl, "--at", LATER]
    ran = run(*verifying, *trust, "--json")
    assert ran.code == 0, ran.stderr
    assert ran.record["signer_verified"] is True
    assert (
        ran.record["signers"][0]["subject"]
        == (
            run("container", "show", "--json", office.container(0)).record["keys"][0][
                "certificate"
            ]["subject"]
        )
    )
    if not detached:
        copy = tmp_path / "copy"
        run(*verifying, *trust, "--out", copy)
        assert copy.read_bytes() == document.read_bytes()
    # Without the root nobody is trusted, and the user has to say that he knows.
    assert run(*verifying).code == 1
    ran = run(*verifying, "--any-signer")
    assert ran.code == 0 and "not verified" in ran.stderr


def test_a_changed_document_is_a_bad_signature(
    run: Run, office: Office, document: Path
) -> None:
    run("sign", document, "--key", office.container(2), "--detached", "--at", LATER)
    document.write_text("Договор № 8", encoding="utf-8")
    ran = run(
        "verify",
        document,
        "--signature",
        f"{document}.p7s",
        "--any-signer",
        "--json",
    )
    assert (ran.code, ran.error["code"]) == (3, "invalid_signature")


def test_the_chain_is_verified_with_dates_and_revocations(
    run: Run, office: Office, document: Path, crl: Path, tmp_path: Path
) -> None:
    run("sign", document, "--key", office.container(2), "--at", LATER)
    message = f"{document}.p7m"
    root = ["--ca", office.root_certificate]
    good = ["verify", message, *root, "--crl", crl]
    assert run(*good, "--at", LATER).code == 0
    ran = run(*good, "--at", "2028-06-02", "--json")
    assert (ran.code, ran.error["code"]) == (3, "certificate_error")
    ran = run("verify", message, *root, "--at", LATER, "--json")
    assert ran.code == 3 and "CRL" in ran.error["message"]
    assert run("verify", message, *root, "--no-crl", "--at", LATER).code == 0
    serial = run("container", "show", "--json", office.container(2)).record["keys"][0][
        "certificate"
    ]["serial"]
    at = ["--at", AT.isoformat()]
    assert run("ca", "revoke", office.authority, serial, *at).code == 0
    run("ca", "crl", office.authority, "--out", crl, "--force", *at)
    ran = run(*good, "--at", LATER, "--json")
    assert (ran.code, ran.error["code"]) == (3, "certificate_error")
    assert "revoked" in ran.error["message"]
    other = tmp_path / "other"
    run("ca", "init", other, "--name", "CN=Other", "--no-password", *at)
    ran = run("verify", message, "--ca", other / "ca.crt", "--no-crl", "--json")
    assert (ran.code, ran.error["code"]) == (3, "certificate_error")


def test_a_certificate_of_another_key_is_refused(
    run: Run, office: Office, document: Path
) -> None:
    ran = run(
        "sign",
        document,
        "--key",
        office.container(2),
        "--cert",
        office.root_certificate,
        "--json",
    )
    assert (ran.code, ran.error["code"]) == (3, "certificate_mismatch")
    assert not Path(f"{document}.p7m").exists()


def test_what_does_not_go_together_is_a_usage_error(
    run: Run, document: Path, tmp_path: Path
) -> None:
    key = tmp_path / "key.pem"
    run("key", "generate", "--no-password", "--out", key)
    for arguments in (
        ["sign", document, "--key", key],
        ["sign", document, "--key", key, "--raw", "--detached"],
        ["sign", "-", "--key", key, "--raw", "--json"],
        ["verify", document, "--raw"],
        ["verify", document, "--key", key, "--any-signer"],
        ["verify", document, "--any-signer", "--ca", key],
    ):
        ran = run(*arguments)
        assert ran.code == 1, arguments
        assert "hint" in ran.stderr


def test_a_signature_can_go_to_the_standard_output(
    shell: Run, document: Path, tmp_path: Path
) -> None:
    key = tmp_path / "key.pem"
    shell("key", "generate", "--no-password", "--out", key)
    ran = shell(
        "sign", "-", "--key", key, "--raw", "--out", tmp_path / "s", input=b"text"
    )
    assert ran.code == 0
    assert len((tmp_path / "s").read_bytes()) == 64


def test_what_is_no_message_is_told_by_name(run: Run, document: Path) -> None:
    ran = run("verify", document, "--any-signer", "--json")
    assert (ran.code, ran.error["code"]) == (3, "encoding_error")
    assert str(document) in ran.error["message"]
