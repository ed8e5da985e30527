"""Bad input and bad luck: one clear error for the item, the others go on.

Every test has a good subscriber before and after the bad one; both must be
renewed, and nothing that was there may be lost or changed.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import samples
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from renewal.offices import NOW, Office, certificate_in, check_others, run, snapshot

import gostkey.random
from gostkey.containers import with_certificate
from gostkey.errors import (
    GeneratorFailure,
    GostKeyError,
    RequestRefused,
    TransportError,
)
from gostkey.media import FolderStore
from gostkey.pki.certificates import Certificate, build_certificate
from gostkey.pki.names import Name
from gostkey.renewal import (
    EmbeddedCA,
    Listing,
    Pending,
    Subscriber,
    make_plan,
)
from gostkey.signing import SigningKey


def spoil(path: Path, change: Callable[[bytes], bytes]) -> None:
    path.write_bytes(change(path.read_bytes()))


HEADERS: list[tuple[str, Callable[[bytes], bytes]]] = [
    ("cut short", lambda data: data[: len(data) // 2]),
    ("empty", lambda data: b""),
    ("one bit", lambda data: data[:40] + bytes([data[40] ^ 4]) + data[41:]),
    ("one bit of the MAC", lambda data: data[:-1] + bytes([data[-1] ^ 1])),
    ("longer", lambda data: data + b"\x00"),
    ("something else", lambda data: b"\x00" * len(data)),
    ("huge", lambda data: b"\x30" * (1 << 17)),
]


@pytest.mark.parametrize("change", [c for _, c in HEADERS], ids=[n for n, _ in HEADERS])
def test_a_damaged_header_stops_one_item(
    trio: Office, change: Callable[[bytes], bytes]
) -> None:
    spoil(trio.subscribers[1].container / "header.key", change)
    report = run(trio)
    bad = check_others(report, report.rows[1]["reason"], group="unreadable")
    assert bad["reason"] in ("container-damaged", "not-a-container", "medium")


@pytest.mark.parametrize("name", ["primary.key", "masks.key"])
@pytest.mark.parametrize("cut", [True, False])
def test_a_damaged_pair_is_made_good_by_the_reserve(
    trio: Office, name: str, cut: bool
) -> None:
    path = trio.subscribers[1].container / name
    spoil(path, lambda d: d[:-3] if cut else d[:-9] + bytes([d[-9] ^ 1]) + d[-8:])
    report = run(trio)
    assert report.counts["renewed"] == 3
    assert name in report.rows[1]["note"]
    assert report.rows[0]["note"] is None


def test_two_damaged_pairs_stop_one_item_before_a_new_key_is_made(
    trio: Office,
) -> None:
    folder = trio.subscribers[1].container
    for name in ("primary.key", "primary2.key"):
        spoil(folder / name, lambda d: d[:-1] + bytes([d[-1] ^ 1]))
    bad = check_others(run(trio), "container-damaged", group="failed")
    assert str(folder) == bad["container"]
    assert bad["new_container"] is None
    assert len(list(trio.keys.iterdir())) == 5


def test_a_missing_file_stops_one_item(trio: Office) -> None:
    (trio.subscribers[1].container / "name.key").unlink()
    check_others(run(trio), "container-damaged", group="unreadable")


@pytest.mark.parametrize("kind", ["missing", "empty", "foreign", "file"])
def test_a_folder_that_is_no_container_stops_one_item(trio: Office, kind: str) -> None:
    other = trio.folder / "other.000"
    if kind == "file":
        other.write_bytes(b"x")
    elif kind != "missing":
        other.mkdir()
    if kind == "foreign":
        (other / "letter.txt").write_text("hello")
    trio.change(1, container=other)
    bad = check_others(run(trio), "not-a-container", group="unreadable")
    assert bad["container"] == str(other)


# -- passwords ---------------------------------------------------------------


def wrong_password(office: Office, text: str | None) -> None:
    """Put a container with a password in the second place, and a wrong word."""
    who = office.add(password="correct horse")
    office.subscribers.pop()
    file = office.folder / "wrong.txt"
    if text is not None:
        file.write_text(text)
    office.subscribers[1] = Subscriber(
        "test", who.container, file, None, exchanges_finished=True
    )


def test_a_wrong_password_stops_one_item_and_is_not_shown(trio: Office) -> None:
    wrong_password(trio, "incorrect donkey\n")
    bad = check_others(run(trio), "wrong-password", group="failed")
    assert bad["new_container"] is None
    told = [repr(bad).encode(), *snapshot(trio.campaign).values()]
    assert not any(b"donkey" in one or b"horse" in one for one in told)


def test_a_wrong_password_is_put_right_and_resumed(trio: Office) -> None:
    wrong_password(trio, "incorrect donkey\n")
    run(trio)
    (trio.folder / "wrong.txt").write_text("correct horse\n")
    with trio.open() as campaign:
        report = campaign.resume()
    assert report.counts["renewed"] == 3
    assert report.exit_code == 0


@pytest.mark.parametrize("text", [None, "", "\n"])
def test_a_password_file_without_a_password_stops_one_item(
    trio: Office, text: str | None
) -> None:
    wrong_password(trio, text)
    bad = check_others(run(trio), "password-file")
    assert "wrong.txt" in bad["text"]


def test_a_password_that_nobody_named_needs_a_person(office: Office) -> None:
    office.add(password="correct horse")
    office.change(0, password_file=None, new_password_file=None)
    report = run(office)
    assert report.rows[0]["reason"] == "password-required"
    assert report.exit_code == 4


# -- certificates and rules --------------------------------------------------


def test_a_certificate_of_another_key_stops_one_item(trio: Office) -> None:
    folder = trio.subscribers[1].container
    old = certificate_in(folder)
    assert old is not None
    # The same start of the key, so that only the whole of it tells them apart,
    # cannot be made; a plain exchange of certificates is the real mistake.
    other = certificate_in(trio.subscribers[0].container)
    assert other is not None
    header = (folder / "header.key").read_bytes()
    files = {one.name: one.read_bytes() for one in folder.iterdir()}
    with pytest.raises(GostKeyError):
        with_certificate(files, other.der)
    (folder / "header.key").write_bytes(
        reseal(header.replace(old.der, other.der), old.der, other.der)
    )
    check_others(run(trio), "certificate-mismatch", group="unreadable")


def reseal(header: bytes, old: bytes, new: bytes) -> bytes:
    """Make the lengths and the MAC of a header good again after an exchange."""
    from gostkey.containers import header as headers
    from gostkey.containers import protection
    from gostkey.signing import Scheme

    # SEQUENCE { content, OCTET STRING (4) }, both lengths of two octets.
    body = header[4:-6]
    grown = len(new) - len(old)
    tag = body.index(b"\x85\x82")
    size = int.from_bytes(body[tag + 2 : tag + 4], "big") + grown
    body = body[: tag + 2] + size.to_bytes(2, "big") + body[tag + 4 :]
    inner = int.from_bytes(body[2:4], "big") + grown
    body = body[:2] + inner.to_bytes(2, "big") + body[4:]
    return headers.seal(
        protection.profile_of(Scheme.GOST_2012),
        b"\x30\x82" + (len(body)).to_bytes(2, "big") + body,
    )


STATED: list[tuple[dict[str, Any], str]] = [
    ({"exchanges_finished": False}, "exchanges-not-confirmed"),
    ({"key_status": "compromised"}, "key-compromised"),
    ({"key_status": "lost"}, "key-lost"),
    ({"form": {"title": "Императрица"}}, "subject-changed"),
]


@pytest.mark.parametrize(("values", "reason"), STATED)
def test_what_the_office_states_stops_one_item(
    trio: Office, values: dict[str, Any], reason: str
) -> None:
    trio.change(1, **values)
    check_others(run(trio), reason, group="refused")


@pytest.mark.parametrize(
    ("days_left", "reason"), [(0, "last-day"), (-1, "expired"), (-400, "expired")]
)
def test_an_old_key_stops_one_item(trio: Office, days_left: int, reason: str) -> None:
    who = trio.add(days_left=days_left)
    trio.subscribers.pop()
    trio.change(1, container=who.container)
    bad = check_others(run(trio), reason, group="refused")
    assert "office" in bad["cure"]


def test_a_container_without_a_certificate_is_nobodys(trio: Office) -> None:
    from gostkey.containers import build_container

    with SigningKey.generate() as key:
        files = build_container("nobody", key)
    place = FolderStore(trio.keys).write("nobody", files)
    trio.change(1, container=place)
    check_others(run(trio), "no-certificate", group="refused")


def test_a_revoked_certificate_is_refused_before_a_key_is_made(trio: Office) -> None:
    old = certificate_in(trio.subscribers[1].container)
    assert old is not None
    trio.authority.revoke(old.serial, NOW, "keyCompromise")
    bad = check_others(run(trio), "certificate-revoked", group="refused")
    assert "office" in bad["cure"]
    assert len(list(trio.keys.iterdir())) == 5


def test_a_revocation_that_only_the_authority_knows_is_told_by_it(
    trio: Office,
) -> None:
    class Late(EmbeddedCA):
        def submit(self, pendings: Sequence[Pending]) -> list[GostKeyError | None]:
            old = certificate_in(trio.subscribers[1].container)
            assert old is not None
            self.authority.revoke(old.serial, NOW, "keyCompromise")
            return super().submit(pendings)

    transport = Late(trio.authority, trio.folder / "ca", trio.clock)
    with trio.begin(transport) as campaign:
        bad = check_others(campaign.run(), "refused-by-authority", group="refused")
    assert "revoked" in bad["text"]
    # Its new container stays; it is of no use, and it is nobody's only copy.
    with trio.open() as campaign:
        assert campaign.resume().rows[1]["group"] == "refused"


# -- answers of the authority ------------------------------------------------


class Strange(EmbeddedCA):
    """An authority whose answer to the second item is not what was asked for."""

    def __init__(
        self, office: Office, change: Callable[[Certificate, bytes], bytes | Exception]
    ) -> None:
        super().__init__(office.authority, office.folder / "ca", office.clock)
        self.change = change
        self.good: list[bytes] = []
        self.strange = True

    def fetch(self, pending: Pending) -> bytes | None:
        answer = super().fetch(pending)
        assert answer is not None
        self.good.append(answer)
        if "k001" not in pending.label or not self.strange:
            return answer
        changed = self.change(Certificate.from_bytes(answer), self.good[0])
        if isinstance(changed, Exception):
            raise changed
        return changed


def another_key(answer: Certificate, first: bytes) -> bytes:
    return first


def another_subject(answer: Certificate, first: bytes) -> bytes:
    return remade(answer, subject=Name.build([("CN", "Кто-то другой")]))


def another_signer(answer: Certificate, first: bytes) -> bytes:
    return remade(answer)


def not_yet(answer: Certificate, first: bytes) -> bytes:
    return remade(answer, later=True)


def broken(answer: Certificate, first: bytes) -> bytes:
    return answer.der[:-1] + bytes([answer.der[-1] ^ 1])


def nonsense(answer: Certificate, first: bytes) -> bytes:
    return b"<html>try again later</html>"


def no_line(answer: Certificate, first: bytes) -> Exception:
    return TransportError("the line is dead")


def remade(
    answer: Certificate, *, subject: Name | None = None, later: bool = False
) -> bytes:
    """Make the certificate again by somebody else than the authority."""
    with SigningKey.generate("1.2.643.2.2.35.1") as key:
        shift = timedelta(days=30 if later else 0)
        return build_certificate(
            issuer=answer.issuer,
            signing_key=key,
            subject=subject or answer.subject,
            public_key=answer.public_key_info,
            serial=answer.serial,
            not_before=answer.not_before + shift,
            not_after=answer.not_after + shift,
        )


ANSWERS = [
    (another_key, "answer-for-another-key"),
    (another_subject, "answer-for-another-subject"),
    (another_signer, "chain"),
    (broken, "chain"),
    (not_yet, "answer-dates"),
    (nonsense, "answer-unreadable"),
    (no_line, "transport"),
]


@pytest.mark.parametrize(("change", "reason"), ANSWERS)
def test_a_wrong_answer_stops_one_item_until_the_right_one_comes(
    trio: Office,
    change: Callable[[Certificate, bytes], bytes | Exception],
    reason: str,
) -> None:
    transport = Strange(trio, change)
    with trio.begin(transport) as campaign:
        report = campaign.run()
        bad = check_others(report, reason, group="failed")
        assert bad["state"] == "sent"
        assert certificate_in(Path(bad["new_container"])) is None
        transport.strange = False
        assert campaign.receive().counts["renewed"] == 3


def test_a_refusal_of_one_request_is_told_in_the_authoritys_words(
    trio: Office,
) -> None:
    class Refusing(EmbeddedCA):
        def submit(self, pendings: Sequence[Pending]) -> list[GostKeyError | None]:
            answers = super().submit(pendings)
            answers[1] = RequestRefused("no licence for this subscriber")
            return answers

    transport = Refusing(trio.authority, trio.folder / "ca", trio.clock)
    with trio.begin(transport) as campaign:
        bad = check_others(campaign.run(), "refused-by-authority", group="refused")
    assert "no licence for this subscriber" in bad["text"]


def test_an_authority_that_cannot_be_reached_is_tried_again(trio: Office) -> None:
    class Dead(EmbeddedCA):
        dead = True

        def submit(self, pendings: Sequence[Pending]) -> list[GostKeyError | None]:
            if self.dead:
                raise TransportError("the line is dead")
            return super().submit(pendings)

    transport = Dead(trio.authority, trio.folder / "ca", trio.clock)
    with trio.begin(transport) as campaign:
        report = campaign.run()
        assert report.counts["failed"] == 3 and report.exit_code == 3
        keys = snapshot(trio.keys)
        transport.dead = False
        assert campaign.resume().counts["renewed"] == 3
    # The keys that were made are the keys that are used.
    after = snapshot(trio.keys)
    assert set(after) == set(keys)
    assert all(
        after[name] == keys[name] for name in keys if not name.endswith("header.key")
    )


# -- the generator -----------------------------------------------------------


def test_no_key_is_made_when_the_generator_fails(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    office.add()
    before = snapshot(office.keys)

    def fill(buffer: Any, **more: Any) -> None:
        raise GeneratorFailure("the source gave the same bytes twice")

    with office.begin() as campaign:
        monkeypatch.setattr(gostkey.random, "fill", fill)
        with pytest.raises(GeneratorFailure):
            campaign.run()
        assert snapshot(office.keys) == before
        monkeypatch.undo()
        assert campaign.resume().counts["renewed"] == 1


# -- what nobody expected ----------------------------------------------------


def test_an_error_in_this_program_stops_one_item_and_is_logged(
    trio: Office, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    from gostkey.renewal import key_steps

    original = key_steps.build_many

    def faulty(
        new: Any, old: Any, certificates: Sequence[Certificate], **more: Any
    ) -> list[Any]:
        if any(one.subject_der == spoiled for one in certificates):
            raise ZeroDivisionError("never mind")
        return original(new, old, certificates, **more)

    old = certificate_in(trio.subscribers[1].container)
    assert old is not None
    spoiled = old.subject_der
    monkeypatch.setattr(key_steps, "build_many", faulty)
    bad = check_others(run(trio), "unexpected", group="failed")
    assert "ZeroDivisionError" in bad["text"]
    assert "never mind" in caplog.text


def test_a_password_that_is_lost_with_the_new_container_is_told(
    office: Office,
) -> None:
    office.add(password="correct horse")
    office.change(0, new_password_file=None)
    report = run(office)
    assert report.counts["renewed"] == 1
    assert "the new container has no password" in report.rows[0]["note"]


@given(
    name=st.sampled_from(
        ["header.key", "name.key", "primary.key", "masks.key", "primary2.key"]
    ),
    place=st.integers(0, 2000),
    flip=st.integers(1, 255),
    cut=st.booleans(),
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_any_damage_is_a_verdict_and_no_crash(
    tmp_path: Path, name: str, place: int, flip: int, cut: bool
) -> None:
    sample = samples.container("damaged")
    files = dict(sample.files)
    data = bytearray(files[name])
    place %= len(data)
    data[place] ^= flip
    files[name] = bytes(data[:place] if cut else data)
    folder = tmp_path / "damaged.000"
    if folder.exists():
        shutil.rmtree(folder)
    samples.write(folder, files)
    plan = make_plan(
        Listing((Subscriber("test", folder, exchanges_finished=True),)),
        samples.MADE + timedelta(days=samples.DAYS - 20),
    )
    (one,) = plan.items
    assert one.state in ("planned", "unreadable")
    # What the header's MAC covers cannot be damaged and still be planned.
    if name == "header.key":
        assert one.state == "unreadable"
