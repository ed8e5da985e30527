"""Files of new containers from templates: what is the same in all is encoded once.

The containers of one call differ in a few octet strings of fixed lengths.  Their
files are encoded by the ASN.1 library twice, with two different fillings; where the
two differ is where the octets of a container belong.  No DER is written by hand.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from cryptography.hazmat import asn1

from gostkey.errors import ContainerError
from gostkey.primitives import Readable

from . import protection, schemas
from .header import seal_content


class Template:
    """DER in which some octet strings of fixed lengths are still open."""

    def __init__(
        self, encode: Callable[[Sequence[bytes]], bytes], sizes: Sequence[int]
    ) -> None:
        """Find the places of the open fields.

        Args:
            encode: encodes a structure with given fields; called twice.
            sizes: bytes of each field, in the order in which they stand.

        Raises:
            ContainerError: if the fields do not stand so.
        """
        zeros = encode([bytes(size) for size in sizes])
        ones = encode([b"\xff" * size for size in sizes])
        pieces, at = [], 0
        for size in sizes:
            begin = next(
                (i for i in range(at, len(zeros)) if zeros[i] != ones[i]), len(zeros)
            )
            pieces.append(zeros[at:begin])
            at = begin + size
        self._pieces = (*pieces, zeros[at:])
        for filled, octet in ((zeros, b"\0"), (ones, b"\xff")):
            if self.fill([octet * size for size in sizes]) != filled:
                raise ContainerError(
                    "template: its fields are not where they should be"
                )

    def fill(self, fields: Sequence[Readable]) -> bytes:
        """Return the DER with *fields*, each of its size."""
        parts: list[Readable] = [self._pieces[0]]
        for field, piece in zip(fields, self._pieces[1:], strict=True):
            parts += (field, piece)
        return b"".join(parts)


@dataclass(frozen=True)
class FileTemplates:
    """Templates of the files of containers with keys of one kind."""

    profile: protection.Profile
    _content: Template
    _head: bytes
    """What is before the content in header.key ..."""
    _between: bytes
    """... and what is between it and the MAC."""
    _primary: Template
    _masks: Template

    @classmethod
    def of(
        cls, content: schemas.Content, size: int, profile: protection.Profile
    ) -> FileTemplates:
        """Make the templates.

        Args:
            content: of header.key, without a certificate; its fingerprint and its
                password MAC, if it has one, are what differs.
            size: bytes of a private key.
            profile: of the keys.
        """
        sizes = [protection.FINGERPRINT_SIZE]
        if content.password_mac is not None:
            sizes.insert(0, protection.MAC_SIZE)

        def encode_content(fields: Sequence[bytes]) -> bytes:
            return asn1.encode_der(
                schemas.Content(
                    algorithm=content.algorithm,
                    attributes=content.attributes,
                    primary=content.primary,
                    password_mac=fields[0] if len(fields) > 1 else None,
                    certificate=None,
                    fingerprint=fields[-1],
                    extensions=content.extensions,
                )
            )

        sample = encode_content([bytes(size) for size in sizes])
        head, _, rest = seal_content(profile, sample).partition(sample)
        return cls(
            profile=profile,
            _content=Template(encode_content, sizes),
            _head=head,
            _between=rest[: -protection.MAC_SIZE],
            _primary=Template(_primary_file, [size]),
            _masks=Template(
                _masks_file, [size, protection.SALT_SIZE, protection.MAC_SIZE]
            ),
        )

    def contents(
        self, fingerprints: Sequence[Readable], password_macs: Sequence[bytes] | None
    ) -> list[bytes]:
        """Return what is in header.key, of many containers.

        Args:
            fingerprints: one for each.
            password_macs: as many; None if the containers have no password.
        """
        if password_macs is None:
            return [self._content.fill((one,)) for one in fingerprints]
        return list(
            map(self._content.fill, zip(password_macs, fingerprints, strict=True))
        )

    def headers(self, contents: Sequence[bytes]) -> list[bytes]:
        """Return the header.key of each content."""
        macs = protection.header_macs(self.profile, contents)
        return [
            b"".join((self._head, content, self._between, mac))
            for content, mac in zip(contents, macs, strict=True)
        ]

    def primary(self, wrapped: Readable) -> bytes:
        """Return primary.key."""
        return self._primary.fill((wrapped,))

    def masks(self, mask: Readable, salt: Readable, mac: bytes) -> bytes:
        """Return masks.key."""
        return self._masks.fill((mask, salt, mac))


def _primary_file(fields: Sequence[bytes]) -> bytes:
    return asn1.encode_der(
        schemas.PrimaryFile(primary=fields[0], secondary=None, hmac_key=None)
    )


def _masks_file(fields: Sequence[bytes]) -> bytes:
    mask, salt, mac = fields
    return asn1.encode_der(schemas.MasksFile(mask=mask, salt=salt, mac=mac))
