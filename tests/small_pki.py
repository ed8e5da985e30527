"""An authority and subscribers of any parameter set, for tests of the PKI.

Made by the functions under test, but not by the small CA, which refuses most of
what the tests want to see refused elsewhere.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from functools import lru_cache

from gostkey.keyforms import Scheme
from gostkey.pki import extensions as ext
from gostkey.pki.certificates import Certificate, build_certificate, spki_of
from gostkey.pki.crls import RevocationList, Revoked, build_crl
from gostkey.pki.extensions import Extension
from gostkey.pki.names import Name
from gostkey.signing import SigningKey

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=timezone.utc)
DAY = timedelta(days=1)

PERSON = Name.build(
    [
        ("E", "ivanov@example.ru"),
        ("SNILS", "11223344595"),
        ("INN", "500100732259"),
        ("C", "RU"),
        ("S", "78 г. Санкт-Петербург"),
        ("L", "Санкт-Петербург"),
        ("SN", "Иванов"),
        ("G", "Иван Иванович"),
        ("CN", "Иванов Иван Иванович"),
    ]
)
ORGANIZATION = Name.build(
    [
        ("INN", "007707083893"),
        ("OGRN", "1027700132195"),
        ("STREET", "ул. Вавилова, д. 19"),
        (
            "O",
            "Общество с ограниченной ответственностью «Ромашка» " + "и партнёры " * 4,
        ),
        ("C", "RU"),
        ("T", "Генеральный директор"),
        ("CN", "ООО «Ромашка»"),
    ]
)
AUTHORITY = Name.build([("C", "RU"), ("O", "Пробный УЦ"), ("CN", "Пробный корень")])

# The parameter sets by the OIDs that keys name them with.
SETS_2012 = {
    "test-256": "1.2.643.2.2.35.0",
    "cryptopro-a": "1.2.643.2.2.35.1",
    "cryptopro-b": "1.2.643.2.2.35.2",
    "cryptopro-c": "1.2.643.2.2.35.3",
    "cryptopro-xcha": "1.2.643.2.2.36.0",
    "cryptopro-xchb": "1.2.643.2.2.36.1",
    "tc26-256-a": "1.2.643.7.1.2.1.1.1",
    "tc26-256-b": "1.2.643.7.1.2.1.1.2",
    "tc26-256-c": "1.2.643.7.1.2.1.1.3",
    "tc26-256-d": "1.2.643.7.1.2.1.1.4",
    "test-512": "1.2.643.7.1.2.1.2.0",
    "tc26-512-a": "1.2.643.7.1.2.1.2.1",
    "tc26-512-b": "1.2.643.7.1.2.1.2.2",
    "tc26-512-c": "1.2.643.7.1.2.1.2.3",
}
SETS_2001 = {
    "2001 " + name: oid
    for name, oid in SETS_2012.items()
    if oid.startswith("1.2.643.2.2.")
}
SETS = {**SETS_2012, **SETS_2001}


def scheme_of(name: str) -> Scheme:
    """Return the scheme of a name in SETS."""
    return Scheme.GOST_2001 if name.startswith("2001 ") else Scheme.GOST_2012


def new_key(name: str = "cryptopro-xcha") -> SigningKey:
    """Make a key of one of SETS."""
    return SigningKey.generate(SETS[name], scheme=scheme_of(name))


@dataclass(frozen=True)
class Party:
    """A key and its certificate."""

    key: SigningKey
    certificate: Certificate

    def issue(
        self,
        subject: Name,
        key: SigningKey,
        *,
        extensions: Iterable[Extension] | None = None,
        more: Iterable[Extension] = (),
        serial: int = 0x1001,
        not_before: datetime = NOW - 300 * DAY,
        not_after: datetime = NOW + 65 * DAY,
        always_digest: bool = False,
    ) -> Certificate:
        """Issue a certificate for a key."""
        if extensions is None:
            extensions = [
                ext.key_usage(),
                ext.private_key_usage_period(not_before, not_after),
            ]
        identifier = ext.key_identifier(self.key.verifying_key)
        return Certificate.from_bytes(
            build_certificate(
                issuer=self.certificate.subject,
                signing_key=self.key,
                subject=subject,
                public_key=spki_of(key.verifying_key, always_digest=always_digest),
                serial=serial,
                not_before=not_before,
                not_after=not_after,
                extensions=[
                    *extensions,
                    ext.subject_key_identifier(ext.key_identifier(key.verifying_key)),
                    ext.authority_key_identifier(identifier),
                    *more,
                ],
            )
        )

    def subscriber(self, subject: Name, name: str, **options: object) -> Party:
        """Make a key and its certificate."""
        key = new_key(name)
        return Party(key, self.issue(subject, key, **options))  # type: ignore[arg-type]

    def authority(
        self, subject: Name, name: str, path_length: int | None = None
    ) -> Party:
        """Make an authority below this one."""
        extensions = [
            ext.basic_constraints(True, path_length),
            ext.key_usage(ext.AUTHORITY_USAGES),
        ]
        return self.subscriber(subject, name, extensions=extensions, serial=0x2002)

    def crl(
        self,
        *revoked: Revoked,
        number: int = 1,
        this_update: datetime = NOW - DAY,
        next_update: datetime = NOW + DAY,
    ) -> RevocationList:
        """Make a CRL."""
        return RevocationList.from_bytes(
            build_crl(
                issuer=self.certificate,
                signing_key=self.key,
                number=number,
                this_update=this_update,
                next_update=next_update,
                revoked=revoked,
            )
        )


def new_root(
    name: str = "cryptopro-xcha",
    *,
    subject: Name = AUTHORITY,
    path_length: int | None = None,
    always_digest: bool = False,
) -> Party:
    """Make a self-signed authority."""
    key = new_key(name)
    identifier = ext.key_identifier(key.verifying_key)
    der = build_certificate(
        issuer=subject,
        signing_key=key,
        subject=subject,
        public_key=spki_of(key.verifying_key, always_digest=always_digest),
        serial=1,
        not_before=NOW - 1000 * DAY,
        not_after=NOW + 3000 * DAY,
        extensions=[
            ext.basic_constraints(True, path_length),
            ext.key_usage(ext.AUTHORITY_USAGES),
            ext.subject_key_identifier(identifier),
        ],
    )
    return Party(key, Certificate.from_bytes(der))


@lru_cache(maxsize=64)
def root(name: str = "cryptopro-xcha", always_digest: bool = False) -> Party:
    """Return an authority that tests share."""
    return new_root(name, always_digest=always_digest)
