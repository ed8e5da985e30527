"""What one look into a mailbox fetches, and what it does not fetch again."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import pytest
from office.letters import AT, CAMPAIGN, Signer, reply
from tally import fault

from gostkey.errors import CampaignError, TransportError
from gostkey.renewal.transports import MailTransport, Pending
from gostkey.renewal.transports.mail import office
from gostkey.renewal.transports.mail.entities import read_entity
from gostkey.renewal.transports.mail.mailbox import Criteria, Found, Place
from gostkey.renewal.transports.mail.settings import NONE, MailSettings, Server


class Shelf:
    """A mailbox in memory; its line may break before a message, once."""

    def __init__(self, messages: Sequence[bytes]) -> None:
        """Take the messages, which get the numbers 0, 1, ..."""
        self._messages = messages
        self.fetched: list[int] = []
        self.breaks_at: int | None = None
        self.unreadable: CampaignError | None = None
        """What keeps anybody from moving messages."""

    def new(self, criteria: Criteria) -> Iterator[Found]:
        for uid, raw in enumerate(self._messages):
            yield Found(Place(1, uid, len(raw), "authority"), read_entity(raw))

    def messages(self, found: Sequence[Place]) -> Iterator[tuple[Place, bytes]]:
        for one in found:
            if one.uid == self.breaks_at:
                self.breaks_at = None
                raise TransportError("the line broke")
            self.fetched.append(one.uid)
            yield one, self._messages[one.uid]

    def done(self, found: Iterable[Place]) -> None:
        if self.unreadable is not None:
            raise self.unreadable


def request_id(number: int) -> str:
    return f"{number:064x}"


def pending(number: int, signer: Signer) -> Pending:
    key = signer.key.certificate.public_key
    return Pending(request_id(number), b"", key.to_bytes())


def answer(named: int | None, *brought: Signer) -> bytes:
    """Write an answer to a request, or one that names none."""
    headers = {}
    if named is not None:
        ours = f"<gostkey.request.{request_id(named)}.{CAMPAIGN}@office.test>"
        headers["In_Reply_To"] = ours
    files = [(f"{one.name}.cer", one.key.certificate.der) for one in brought]
    return reply(*files, **headers)


@pytest.fixture
def transport(tmp_path: Path) -> MailTransport:
    trusted = tmp_path / "trusted"
    trusted.mkdir()
    (trusted / "ca.cer").write_bytes(Signer("Authority").key.certificate.der)
    nowhere = Server("127.0.0.1", 1, NONE)
    settings = MailSettings(
        *(tmp_path / "mail.toml", "office@office.test", nowhere, nowhere),
        to="authority@office.test",
        trusted=trusted,
        require_signed=False,
    )
    return MailTransport(settings, CAMPAIGN, lambda: AT)


def over(transport: MailTransport, messages: Sequence[bytes]) -> Shelf:
    """Put a mailbox with these messages in the place of the real one."""
    shelf = Shelf(messages)
    transport._mailbox = shelf  # type: ignore[assignment]
    return shelf


@fault("mail connection cut")
@pytest.mark.parametrize("named", [True, False])
def test_what_was_fetched_before_a_fault_is_not_fetched_again(
    transport: MailTransport, named: bool
) -> None:
    owners = [Signer(f"S{number}") for number in range(4)]
    requests = [pending(number, one) for number, one in enumerate(owners)]
    messages = [
        answer(number if named else None, one) for number, one in enumerate(owners)
    ]
    shelf = over(transport, messages)
    shelf.breaks_at = 2
    with pytest.raises(TransportError, match="the line broke"):
        transport.expect(requests)
    shelf.new = lambda criteria: iter(())  # type: ignore[method-assign]
    transport.expect(requests)
    assert shelf.fetched == [0, 1, 2, 3]
    for one, owner in zip(requests, owners, strict=True):
        assert transport.fetch(one) == owner.key.certificate.der
    assert shelf.fetched == [0, 1, 2, 3]


def test_a_look_goes_through_a_bounded_part_of_what_answers_others(
    transport: MailTransport, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(office, "_MOST_OF_OTHERS", 2)
    first, waiting = Signer("First"), Signer("Waiting")
    messages = [answer(0, first), answer(1, waiting), *(answer(n) for n in (1, 2, 3))]
    shelf = over(transport, messages)
    requests = [pending(0, first), pending(9, waiting)]
    transport.expect(requests)
    # Its own, and then the newest ones of others.
    assert shelf.fetched == [0, 4, 3]
    assert transport.fetch(requests[0]) == first.key.certificate.der
    assert transport.fetch(requests[1]) is None
    # What is left is for the next look.
    transport.expect(requests)
    assert shelf.fetched == [0, 4, 3, 2, 1]
    assert transport.fetch(requests[1]) == waiting.key.certificate.der


def test_a_password_file_that_is_gone_by_then_leaves_the_answers(
    transport: MailTransport, caplog: pytest.LogCaptureFixture
) -> None:
    owner = Signer("Owner")
    shelf = over(transport, [answer(0, owner)])
    assert transport.fetch(pending(0, owner)) == owner.key.certificate.der
    shelf.unreadable = CampaignError("word.txt: cannot be read")
    transport.settle([request_id(0)])
    assert "word.txt: cannot be read; the answers stay in the mailbox" in caplog.text
