"""The folder of answers: a bad answer does not hide a good one, and is named."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
from renewal.offices import Office
from renewal.test_campaign import Post
from renewal.test_faults import remade

from gostkey.pki.certificates import Certificate, build_certificate
from gostkey.renewal import Campaign


class Desk(Post):
    """The folders of a campaign of two whose requests wait."""

    def __init__(self, office: Office) -> None:
        super().__init__(office)
        for _ in range(2):
            office.add()
        with office.begin(self.transport) as campaign:
            assert campaign.run().counts["waiting"] == 2
        first, second = self.requests()
        self.request_id = first.stem
        self.good = self.issued(first)
        self.other = self.issued(second)

    def issued(self, request: Path) -> bytes:
        return self.office.authority.issue_renewal(
            request.read_bytes(), self.office.clock()
        ).der

    def put(self, name: str, answer: bytes) -> Path:
        path = self.inbox / name.format(id=self.request_id)
        path.write_bytes(answer)
        return path

    def receive(self) -> dict[str, object]:
        """Receive; give the row of the first request."""
        with Campaign.open(
            self.office.campaign, clock=self.office.clock, transport=self.transport
        ) as campaign:
            rows = campaign.receive().rows
        (row,) = [one for one in rows if one["request_id"] == self.request_id]
        return row


def issued_anew(office: Office, der: bytes) -> bytes:
    """Have the authority issue a certificate again, now, under another number."""
    old = Certificate.from_bytes(der)
    return build_certificate(
        issuer=old.issuer,
        signing_key=office.authority._key,
        subject=old.subject,
        public_key=old.public_key_info,
        serial=old.serial + 1,
        not_before=office.clock(),
        not_after=old.not_after,
    )


@pytest.fixture
def desk(office: Office) -> Desk:
    return Desk(office)


@pytest.mark.parametrize("name", ["{id} (1).cer", "{id}.crt", "zz.cer", "{id}.CER"])
@pytest.mark.parametrize("kind", ["corrupt", "foreign", "forged", "too long"])
def test_a_bad_answer_does_not_hide_the_good_one(
    desk: Desk, kind: str, name: str
) -> None:
    bad = {
        "corrupt": b"0\x82" + desk.good[2:-9],
        "foreign": desk.other,
        "forged": remade(Certificate.from_bytes(desk.good)),
        "too long": bytes(2 << 20),
    }[kind]
    place = desk.put("{id}.cer", bad)
    told = desk.receive()
    assert told["group"] == "failed"
    assert str(place) in str(told["text"])
    desk.put(name, desk.good)
    assert desk.receive()["group"] == "renewed"


@pytest.mark.parametrize("name", ["aa.cer", "zz.cer"])
def test_a_forged_certificate_does_not_win_by_its_name(desk: Desk, name: str) -> None:
    desk.put(name, remade(Certificate.from_bytes(desk.good)))
    assert desk.receive()["reason"] == "chain"
    desk.put("genuine.cer", desk.good)
    assert desk.receive()["group"] == "renewed"


def test_of_two_that_the_authority_signed_the_newer_one_counts(desk: Desk) -> None:
    desk.put("{id}.cer", desk.good)
    serial = Certificate.from_bytes(desk.good).serial
    desk.office.clock.forward(minutes=5)
    desk.office.authority.revoke(serial, desk.office.clock(), "superseded")
    desk.new_crl()
    assert desk.receive()["reason"] == "chain"
    desk.put("{id} (1).cer", issued_anew(desk.office, desk.good))
    assert desk.receive()["group"] == "renewed"


@pytest.mark.skipif(sys.platform == "win32", reason="makes a named pipe (POSIX)")
def test_a_pipe_among_the_answers_is_not_waited_for(desk: Desk) -> None:
    for name in ("aa.cer", "{id}.crt", "{id}.refused.txt"):
        os.mkfifo(desk.inbox / name.format(id=desk.request_id))
    assert desk.receive()["group"] == "waiting"
    desk.put("{id}.cer", desk.good)
    pipe = desk.trusted / "next.crl"
    os.mkfifo(pipe)
    told = desk.receive()
    assert told["reason"] == "transport"
    assert f"{pipe}: is not an ordinary file" in str(told["text"])
    pipe.unlink()
    assert desk.receive()["group"] == "renewed"


@pytest.mark.skipif(
    sys.platform in ("win32", "darwin"), reason="needs names of files in any octets"
)
def test_names_that_are_no_text_are_told(desk: Desk) -> None:
    answer = desk.put(
        os.fsdecode(b"\xfe.cer"), remade(Certificate.from_bytes(desk.good))
    )
    told = desk.receive()
    assert told["reason"] == "chain" and "\\udcfe.cer" in str(told["text"])
    answer.write_bytes(desk.good)
    junk = desk.trusted / os.fsdecode(b"junk-\xff.cer")
    junk.write_bytes(b"junk")
    told = desk.receive()
    assert told["reason"] == "transport" and "junk-\\udcff.cer" in str(told["text"])
    junk.unlink()
    assert desk.receive()["group"] == "renewed"
