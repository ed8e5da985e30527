"""The small authority in the process of a campaign: its key and its register."""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import pytest
from renewal.offices import Office

from gostkey.errors import GostKeyError, PrivateKeyRange
from gostkey.pki.ca import CertificateAuthority
from gostkey.renewal import Campaign, EmbeddedCA, Pending

LISTS_DESCRIPTORS = Path("/proc/self/fd")


def open_registers(office: Office) -> list[str]:
    """List the files of the authority's register that this process has open."""
    found = []
    for one in LISTS_DESCRIPTORS.iterdir():
        with suppress(FileNotFoundError):  # the one that lists them
            found.append(os.readlink(one))
    return [one for one in found if str(office.folder / "ca" / "register") in one]


def is_wiped(authority: CertificateAuthority) -> bool:
    """Say whether an authority's key signs no more."""
    try:
        authority._key.sign(bytes(32))
    except PrivateKeyRange:
        return True
    return False


def test_an_authority_that_was_opened_here_is_closed_and_opens_again(
    office: Office,
) -> None:
    office.authority.close()
    transport = EmbeddedCA.open(office.folder / "ca", office.clock)
    first = transport.authority
    before = transport.trust()
    transport.close()
    transport.close()
    assert is_wiped(first)
    assert transport.trust().roots == before.roots
    assert transport.authority is not first
    assert not is_wiped(transport.authority)


def test_an_authority_of_the_callers_stays_open(office: Office) -> None:
    transport = office.transport()
    transport.close()
    assert transport.authority is office.authority
    assert not is_wiped(office.authority)


@pytest.mark.skipif(
    not LISTS_DESCRIPTORS.is_dir(),
    reason="this system does not list open files in /proc (Linux does)",
)
def test_a_campaign_that_goes_on_leaves_no_register_open(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A watch opens campaigns for months; each would add a key and a file."""
    office.add()
    with office.begin():
        pass
    office.authority.close()
    assert open_registers(office) == []
    wiped: list[CertificateAuthority] = []
    during: list[int] = []
    submit = EmbeddedCA.submit

    def submitting(
        self: EmbeddedCA, pendings: Sequence[Pending]
    ) -> list[GostKeyError | None]:
        answers = submit(self, pendings)
        wiped.append(self.authority)
        during.append(len(open_registers(office)))
        return answers

    monkeypatch.setattr(EmbeddedCA, "submit", submitting)
    with Campaign.open(office.campaign, clock=office.clock) as campaign:
        assert [row["group"] for row in campaign.run().rows] == ["renewed"]
        assert during and during[0] > 0
        assert open_registers(office) == []
        assert all(is_wiped(one) for one in wiped)
