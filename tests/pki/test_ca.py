"""The small authority: what it issues, and what it refuses."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from small_pki import AUTHORITY, DAY, NOW, ORGANIZATION, PERSON, Party, new_key, root

from gostkey.errors import (
    CertificateError,
    EncodingError,
    MediumError,
    PasswordRequired,
    RequestRefused,
    WrongPassword,
)
from gostkey.pki import cms, coding, oids
from gostkey.pki.ca import CertificateAuthority
from gostkey.pki.certificates import Certificate
from gostkey.pki.chain import verify_chain
from gostkey.pki.crls import RevocationList
from gostkey.pki.extensions import Extension
from gostkey.pki.profiles import CertificateProfile
from gostkey.pki.renewal_request import build_renewal
from gostkey.pki.requests import build_request

LATER = NOW + 330 * DAY
PROFILE = CertificateProfile(
    days=450,
    policies=("1.2.643.100.113.1",),
    issuer_sign_tool=("Средство", "УЦ", "нет", "нет"),
    crl_urls=("http://ca.example/ca.crl",),
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "authority"


@pytest.fixture
def ca(folder: Path) -> Iterator[CertificateAuthority]:
    with CertificateAuthority.create(folder, subject=AUTHORITY, at=NOW - DAY) as made:
        yield made


def first(ca: CertificateAuthority, name: str = "cryptopro-xcha") -> Party:
    key = new_key(name)
    return Party(key, ca.issue(build_request(key, ORGANIZATION), NOW))


def renewal(owner: Party, name: str = "cryptopro-xcha") -> bytes:
    return build_renewal(new_key(name), owner.key, owner.certificate, at=LATER)


def test_its_own_certificate_is_an_authoritys(ca: CertificateAuthority) -> None:
    certificate = ca.certificate
    certificate.verify_signed_by(certificate)
    assert certificate.basic_constraints == (True, 0)
    assert certificate.key_usage == {"keyCertSign", "cRLSign"}
    assert certificate.extensions[oids.BASIC_CONSTRAINTS].critical
    assert certificate.extensions[oids.KEY_USAGE].critical


@pytest.mark.skipif(os.name != "posix", reason="file modes are a thing of POSIX")
def test_the_key_is_for_its_owner_only(ca: CertificateAuthority) -> None:
    mode = (ca.folder / "ca.key").stat().st_mode
    assert stat.S_IMODE(mode) == 0o600
    assert stat.S_IMODE(ca.folder.stat().st_mode) == 0o700


def test_it_opens_again_with_its_password(folder: Path) -> None:
    made = CertificateAuthority.create(
        folder, subject=AUTHORITY, at=NOW, password="секрет", profile=PROFILE
    )
    certificate = made.certificate
    made.close()
    with CertificateAuthority.open(folder, "секрет") as again:
        assert again.certificate == certificate
        assert again.profile == PROFILE
        assert first(again).certificate.issuer == certificate.subject
    with pytest.raises(PasswordRequired):
        CertificateAuthority.open(folder)
    with pytest.raises(WrongPassword):
        CertificateAuthority.open(folder, "другой")
    assert "секрет".encode() not in (folder / "ca.key").read_bytes()


def test_a_folder_that_holds_something_is_left_alone(folder: Path) -> None:
    folder.mkdir()
    (folder / "note").write_text("mine")
    with pytest.raises(MediumError, match="new or empty folder"):
        CertificateAuthority.create(folder, subject=AUTHORITY, at=NOW)
    assert [p.name for p in folder.parent.iterdir()] == ["authority"]
    assert (folder / "note").read_text() == "mine"
    with pytest.raises(MediumError, match="no authority in this folder; check"):
        CertificateAuthority.open(folder)


def test_an_authority_that_is_not_whole_is_told(tmp_path: Path) -> None:
    folder = tmp_path / "one"
    CertificateAuthority.create(folder, subject=AUTHORITY, at=NOW).close()
    (folder / "profile.json").write_bytes(b"\xff")
    with pytest.raises(MediumError, match=r"profile\.json is not UTF-8"):
        CertificateAuthority.open(folder)
    (folder / "ca.key").unlink()
    with pytest.raises(MediumError, match=r"one: ca\.key cannot be read: No such file"):
        CertificateAuthority.open(folder)
    with pytest.raises(MediumError, match="no authority in this folder"):
        CertificateAuthority.open(folder / "ca.crt")


def test_a_key_of_another_authority_is_noticed(tmp_path: Path) -> None:
    for name in ("one", "two"):
        made = CertificateAuthority.create(tmp_path / name, subject=AUTHORITY, at=NOW)
        made.close()
    (tmp_path / "one" / "ca.key").write_bytes(
        (tmp_path / "two" / "ca.key").read_bytes()
    )
    with pytest.raises(CertificateError, match="ca.key is not the key of ca.crt"):
        CertificateAuthority.open(tmp_path / "one")


def test_a_first_certificate_has_what_the_profile_says(folder: Path) -> None:
    with CertificateAuthority.create(
        folder, subject=AUTHORITY, at=NOW, profile=PROFILE
    ) as ca:
        certificate = first(ca).certificate
        assert certificate.subject == ORGANIZATION
        assert certificate.not_before == NOW
        assert certificate.not_after == NOW + 450 * DAY
        assert certificate.key_period == (NOW, NOW + 365 * DAY)
        assert certificate.key_usage == set(PROFILE.key_usage)
        assert certificate.basic_constraints == (False, None)
        assert certificate.authority_key_identifier == (
            ca.certificate.subject_key_identifier
        )
        assert 16 <= (certificate.serial.bit_length() + 7) // 8 <= 20
        for oid in (
            oids.CERTIFICATE_POLICIES,
            oids.ISSUER_SIGN_TOOL,
            oids.CRL_DISTRIBUTION_POINTS,
            oids.EXTENDED_KEY_USAGE,
        ):
            assert certificate.extension(oid) is not None
        assert certificate.extension(oids.IDENTIFICATION_KIND) == b"\x02\x01\x00"
        short = ca.issue(build_request(new_key(), PERSON), NOW, days=30)
        assert short.not_after == short.signing_ends == NOW + 30 * DAY


@pytest.mark.parametrize("name", ["cryptopro-xcha", "tc26-256-a", "tc26-512-c"])
def test_a_renewal_is_issued_and_verifies(ca: CertificateAuthority, name: str) -> None:
    owner = first(ca)
    key = new_key(name)
    der = build_renewal(key, owner.key, owner.certificate, at=LATER)
    certificate = ca.issue_renewal(der, LATER)
    assert certificate.public_key == key.verifying_key
    assert certificate.public_key.curve.oid == key.curve.oid
    assert certificate.subject_der == owner.certificate.subject_der
    assert certificate.serial != owner.certificate.serial
    assert certificate.extension(oids.IDENTIFICATION_KIND) == b"\x02\x01\x01"
    crl = RevocationList.from_bytes(ca.crl(LATER))
    verify_chain(certificate, roots=[ca.certificate], crls=[crl], at=LATER)
    assert ca.certificates() == [owner.certificate, certificate]


def test_the_same_request_gets_the_same_answer(
    ca: CertificateAuthority, folder: Path
) -> None:
    key = new_key()
    request = build_request(key, ORGANIZATION)
    owner = Party(key, ca.issue(request, NOW))
    der = renewal(owner)
    certificate = ca.issue_renewal(der, LATER)
    assert ca.issue(request, NOW) == owner.certificate
    assert ca.issue_renewals([der, der], LATER + DAY) == [certificate] * 2
    # Even after the old certificate has expired, and after a restart.
    with CertificateAuthority.open(folder) as again:
        assert again.issue_renewal(der, LATER + 99 * DAY) == certificate
    assert len(ca.certificates()) == 2


def test_a_renewal_that_is_revoked_makes_way_for_another(
    ca: CertificateAuthority,
) -> None:
    owner = first(ca)
    (undone,) = ca.issue_renewals([renewal(owner)], LATER)
    assert isinstance(undone, Certificate)
    again = renewal(owner)
    assert isinstance(ca.issue_renewals([again], LATER)[0], RequestRefused)
    ca.revoke(undone.serial, LATER)
    assert isinstance(ca.issue_renewals([again], LATER)[0], Certificate)
    # The new one counts, whatever is revoked beside it.
    assert isinstance(ca.issue_renewals([renewal(owner)], LATER)[0], RequestRefused)


def test_a_second_renewal_of_one_certificate_is_refused(
    ca: CertificateAuthority,
) -> None:
    owner = first(ca)
    one, two = renewal(owner), renewal(owner)
    answers = ca.issue_renewals([one, two], LATER)
    assert isinstance(answers[0], Certificate)
    for answer in (answers[1], ca.issue_renewals([two], LATER)[0]):
        assert isinstance(answer, RequestRefused)
        assert "was renewed already by another request" in str(answer)
        assert answers[0].serial_text in str(answer)


def test_a_key_is_certified_once(ca: CertificateAuthority) -> None:
    owner, other = first(ca), first(ca)
    with pytest.raises(RequestRefused, match="its key is in the certificate of"):
        ca.issue(build_request(owner.key, PERSON), NOW)
    taken = build_renewal(owner.key, other.key, other.certificate, at=LATER)
    with pytest.raises(RequestRefused, match="a new key must be made"):
        ca.issue_renewal(taken, LATER)
    same = new_key()
    answers = ca.issue_renewals(
        [build_renewal(same, p.key, p.certificate, at=LATER) for p in (owner, other)],
        LATER,
    )
    assert isinstance(answers[0], Certificate)
    assert isinstance(answers[1], RequestRefused)


def test_a_stranger_is_refused_until_admitted(ca: CertificateAuthority) -> None:
    stranger = root("tc26-512-a").subscriber(PERSON, "2001 cryptopro-xcha")
    # Same name of the authority, another key: that makes nobody known.
    assert stranger.certificate.issuer == ca.certificate.subject
    der = build_renewal(new_key(), stranger.key, stranger.certificate, at=NOW)
    with pytest.raises(RequestRefused, match="is not in the register"):
        ca.issue_renewal(der, NOW)
    ca.admit(stranger.certificate.to_pem(), NOW)
    ca.admit(stranger.certificate.der, NOW)
    assert ca.issue_renewal(der, NOW).subject == PERSON
    ca.revoke(stranger.certificate.serial, NOW)
    assert len(RevocationList.from_bytes(ca.crl(NOW))) == 0  # not of this authority


def test_a_revoked_certificate_is_refused_and_listed(ca: CertificateAuthority) -> None:
    owner = first(ca)
    serial = owner.certificate.serial
    ca.revoke(serial, NOW + DAY, "keyCompromise")
    ca.revoke(serial, NOW + 2 * DAY, "superseded")  # the first one stays
    with pytest.raises(RequestRefused, match="is revoked"):
        ca.issue_renewal(renewal(owner), LATER)
    crl = RevocationList.from_bytes(ca.crl(LATER))
    line = crl.revoked(serial)
    assert line is not None
    assert (line.date, line.reason) == (NOW + DAY, "keyCompromise")
    assert RevocationList.from_bytes(ca.crl(LATER)).number == (crl.number or 0) + 1
    with pytest.raises(CertificateError, match="revoked"):
        verify_chain(owner.certificate, roots=[ca.certificate], crls=[crl], at=LATER)
    with pytest.raises(CertificateError, match="no such certificate"):
        ca.revoke(12345, NOW)
    with pytest.raises(EncodingError, match="choose of"):
        ca.revoke(serial, NOW, "because")


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("test-256", "the key is on test-256"),
        ("2001 cryptopro-xcha", "out of use"),
    ],
)
def test_kinds_of_keys_that_are_not_allowed(
    ca: CertificateAuthority, name: str, words: str
) -> None:
    with pytest.raises(RequestRefused, match=words):
        ca.issue(build_request(new_key(name), PERSON), NOW)
    with pytest.raises(RequestRefused, match=words):
        ca.issue_renewal(renewal(first(ca), name), LATER)


def test_one_bad_request_does_not_hinder_the_others(ca: CertificateAuthority) -> None:
    good = [first(ca) for _ in range(2)]
    broken = bytearray(renewal(first(ca)))
    broken[-1] ^= 1
    foreign = cms.sign(
        b"not a request", good[0].key, good[0].certificate, signing_time=LATER
    )
    unnamed = cms.sign(
        build_request(new_key(), ORGANIZATION),
        good[0].key,
        good[0].certificate,
        signing_time=LATER,
    )
    expired = ca.issue(build_request(new_key(), PERSON), NOW, days=5)
    old = Party(new_key(), expired)
    answers = ca.issue_renewals(
        [b"", renewal(good[0]), bytes(broken), b"\x30\x80", foreign, renewal(good[1])]
        + [unnamed],
        LATER,
    )
    assert [isinstance(a, Certificate) for a in answers] == [
        *(False, True, False, False, False, True),
        False,
    ]
    assert all(str(a) for a in answers if isinstance(a, RequestRefused))
    assert old.certificate == expired


def test_first_requests_are_checked_too(ca: CertificateAuthority) -> None:
    der = bytearray(build_request(new_key(), PERSON))
    der[-1] ^= 1
    with pytest.raises(RequestRefused, match="its own signature does not verify"):
        ca.issue(bytes(der), NOW)
    long = build_request(
        new_key(),
        PERSON,
        extensions=[Extension(oids.SUBJECT_SIGN_TOOL, False, coding.encode("я" * 201))],
    )
    with pytest.raises(RequestRefused, match="subjectSignTool"):
        ca.issue(long, NOW)


def test_it_does_not_issue_beyond_its_own_end(ca: CertificateAuthority) -> None:
    late = ca.certificate.not_after - 30 * DAY
    with pytest.raises(CertificateError, match="make a new authority"):
        ca.issue(build_request(new_key(), PERSON), late)
    with pytest.raises(CertificateError, match="expired"):
        ca.issue_renewals([], ca.certificate.not_after + DAY)


def test_many_at_once_renew_one_certificate_once(
    ca: CertificateAuthority, folder: Path
) -> None:
    owner = first(ca)
    requests_ = [renewal(owner) for _ in range(6)]

    def ask(der: bytes) -> bool:
        with CertificateAuthority.open(folder) as another:
            return isinstance(another.issue_renewals([der], LATER)[0], Certificate)

    with ThreadPoolExecutor(6) as pool:
        assert sum(pool.map(ask, requests_)) == 1
    assert len(ca.certificates()) == 2


def test_nothing_is_entered_when_the_transaction_fails(
    ca: CertificateAuthority, monkeypatch: pytest.MonkeyPatch
) -> None:
    owners = [first(ca) for _ in range(2)]
    asked = [renewal(owner) for owner in owners]
    calls = iter([None, RuntimeError("power failure")])
    original = ca._certify

    def failing(*arguments: object, **options: object) -> Certificate:
        fault = next(calls)
        if fault is not None:
            raise fault
        return original(*arguments, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(ca, "_certify", failing)
    with pytest.raises(RuntimeError):
        ca.issue_renewals(asked, LATER)
    monkeypatch.undo()
    assert len(ca.certificates()) == 2
    assert all(isinstance(a, Certificate) for a in ca.issue_renewals(asked, LATER))


def test_a_broken_register_is_told_with_its_file(
    ca: CertificateAuthority, folder: Path
) -> None:
    ca.close()
    for file in folder.glob("register.sqlite*"):
        file.write_bytes(b"this is no register" * 100)
    with pytest.raises(MediumError, match=r"register\.sqlite"):
        CertificateAuthority.open(folder)


@pytest.mark.parametrize(
    "text",
    [
        *("", "[]", "{", '{"days": 0}', '{"dais": 1}', '{"days": "many"}'),
        *('{"days": true}', '{"policies": "KC1"}', '{"policies": ["KC1"]}'),
        *('{"crl_urls": ["http://ца"]}', '{"issuer_sign_tool": ["", "", "", ""]}'),
    ],
)
def test_a_broken_profile_is_refused(text: str) -> None:
    with pytest.raises(EncodingError):
        CertificateProfile.from_json(text)
    assert CertificateProfile.from_json(PROFILE.to_json()) == PROFILE


def test_nothing_here_reads_the_clock() -> None:
    folder = Path(sys.modules["gostkey.pki"].__file__ or "").parent
    words = "datetime.now|utcnow|time.time|date.today"
    found = subprocess.run(
        ["grep", "-rnE", words, "--include=*.py", str(folder)],
        stdout=subprocess.PIPE,
        check=False,
    )
    assert found.stdout == b""
