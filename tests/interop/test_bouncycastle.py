"""What we make verifies with BouncyCastle, for the sets that it can load.

BouncyCastle 1.72 wants digestParamSet in every key, so the certificates here have
it; it does not know the names tc26-256-B, C and D, nor the test sets.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest
from interop.bouncycastle import BouncyCastle
from small_pki import DAY, NOW, ORGANIZATION, PERSON, new_key, root

from gostkey.pki import cms
from gostkey.pki.crls import Revoked
from gostkey.pki.renewal_request import RenewalProfile, build_renewal
from gostkey.pki.requests import build_request

SETS = (
    "cryptopro-a",
    "cryptopro-b",
    "cryptopro-c",
    "cryptopro-xcha",
    "cryptopro-xchb",
    "tc26-256-a",
    "tc26-512-a",
    "tc26-512-b",
    "tc26-512-c",
    "2001 cryptopro-a",
    "2001 cryptopro-xcha",
)
CONTENT = "Текст договора\n".encode() * 50


@dataclass
class Files:
    """Questions to BouncyCastle about files that are written as they come."""

    folder: Path
    questions: list[list[str | Path]]
    wanted: list[bool]

    def write(self, content: bytes) -> Path:
        path = self.folder / str(len(list(self.folder.iterdir())))
        path.write_bytes(content)
        return path

    def ask(self, kind: str, *files: bytes, good: bool = True) -> None:
        self.questions.append([kind, *(self.write(f) for f in files)])
        self.wanted.append(good)


def changed(der: bytes, place: int) -> bytes:
    found = bytearray(der)
    found[place] ^= 1
    return bytes(found)


def test_everything_we_make_and_nothing_tampered(
    bc: BouncyCastle, tmp_path: Path
) -> None:
    files = Files(tmp_path, [], [])
    for name in SETS:
        authority = root(name, always_digest=True)
        owner = authority.subscriber(PERSON, name, serial=0x51, always_digest=True)
        other = authority.subscriber(
            ORGANIZATION, name, serial=0x52, always_digest=True
        )
        crl = authority.crl(Revoked(0x52, NOW - 2 * DAY, "keyCompromise")).der
        ca, mine, others = (p.certificate.der for p in (authority, owner, other))
        files.ask("certificate", ca, ca)
        files.ask("certificate", mine, ca)
        files.ask("certificate", changed(mine, -5), ca, good=False)
        files.ask("certificate", mine, others, good=False)
        files.ask("crl", crl, ca)
        files.ask("crl", changed(crl, -5), ca, good=False)
        files.ask("revoked", crl, others)
        files.ask("revoked", crl, mine, good=False)

        request = build_request(new_key(name), PERSON, always_digest=True)
        files.ask("request", request)
        files.ask("request", changed(request, -5), good=False)

        for full in (False, True):
            signed = cms.sign(
                CONTENT,
                owner.key,
                owner.certificate,
                signing_time=NOW,
                full_signature_oid=full,
            )
            files.ask("cms", signed, mine)
            files.ask("cms", signed, others, good=False)
            files.ask("cms", changed(signed, signed.index(CONTENT)), mine, good=False)
        apart = cms.sign(
            CONTENT, owner.key, owner.certificate, signing_time=NOW, detached=True
        )
        files.ask("detached", apart, mine, CONTENT)
        files.ask("detached", apart, mine, CONTENT + b"!", good=False)

        renewal = build_renewal(
            new_key(name),
            owner.key,
            owner.certificate,
            at=NOW,
            profile=RenewalProfile(always_digest=True),
        )
        files.ask("cms", renewal, mine)
        files.ask("cms", changed(renewal, -5), mine, good=False)
    answers = bc.ask(files.questions)
    assert len(answers) == len(files.questions)
    for question, wanted, answer in zip(
        files.questions, files.wanted, answers, strict=True
    ):
        assert (answer == "ok") is wanted, (question, answer)


@pytest.mark.parametrize("name", ["tc26-512-a", "tc26-256-a"])
def test_it_cannot_load_keys_without_digest_parameters(
    bc: BouncyCastle, tmp_path: Path, name: str
) -> None:
    # Why always_digest exists: if this fails, BouncyCastle has learned it.
    request = tmp_path / "request.der"
    request.write_bytes(build_request(new_key(name), PERSON))
    answer = bc.ask([["request", request]])[0]
    assert answer.startswith("refused")
