"""Who may do what with a file on a Rutoken: the access rules of new containers.

Rutoken Lite and ECP: 15 octets.  The first says with bits which operations are ruled
(bit 0 create in a folder or read a file, bit 1 update, bit 6 delete), the next seven
say who may do each: 0 everybody, 1 the administrator, 2 the user, 3 either, FF nobody.

Rutoken S: 40 octets.  The same first one; then seven that are 0 for everybody, 1 for
"whoever knows the PIN" and FF for nobody; then the number of that PIN for each, in
four octets, little-endian; four more are zero.

Source: OpenSC's card-rtecp.c, card-rutoken.c and rutoken_ecp.profile.  Which rules
CryptoPro CSP gives to its files is not public, so the ones here are our own.
"""

from __future__ import annotations

from dataclasses import dataclass

from .rutoken import BIG, Dialect

_READ, _UPDATE, _DELETE = 0, 1, 6
_OPERATIONS = 7
_USER = 2


@dataclass(frozen=True)
class Rules:
    """The rules of a container's folder and files, as octets of tag 86."""

    folder: bytes
    secret: bytes
    """Of masks and primary files."""
    header: bytes
    name: bytes

    def of(self, file: str) -> bytes:
        """Return the rule of a file."""
        return {"header.key": self.header, "name.key": self.name}.get(file, self.secret)


def default_rules(dialect: Dialect) -> Rules:
    """Return our own: the user may do everything, all may read name and header."""
    open_ = _rule(dialect, everybody_reads=True)
    closed = _rule(dialect, everybody_reads=False)
    return Rules(folder=closed, secret=closed, header=open_, name=open_)


def user_may_update(dialect: Dialect, rule: bytes) -> bool:
    """Say whether the user may write to a file of this rule."""
    if len(rule) != (15 if dialect is BIG else 40):
        return False
    if not rule[0] & 1 << _UPDATE:
        return False
    condition = rule[1 + _UPDATE]
    if dialect is BIG:
        return condition in (0, 2, 3)
    first = 1 + _OPERATIONS + 4 * _UPDATE
    reference = int.from_bytes(rule[first : first + 4], "little")
    return condition == 0 or (condition == 1 and reference == _USER)


def _rule(dialect: Dialect, *, everybody_reads: bool) -> bytes:
    ruled = (_READ, _UPDATE, _DELETE)
    mask = sum(1 << operation for operation in ruled)
    protected = [one for one in ruled if not (one == _READ and everybody_reads)]
    if dialect is BIG:
        conditions = bytes(
            _USER if operation in protected else 0 for operation in range(_OPERATIONS)
        )
        return bytes([mask]) + conditions + bytes(7)
    conditions = bytes(operation in protected for operation in range(_OPERATIONS))
    references = b"".join(
        (_USER if operation in protected else 0).to_bytes(4, "little")
        for operation in range(_OPERATIONS)
    )
    return bytes([mask]) + conditions + references + bytes(4)
