"""Key agreement: VKO and KEG.

Everything here is over bytes; `gostkey.signing` has the key objects.  The
shared point and its hash are secret: they take the backend's path for secrets.

Sources: RFC 7836 4.3 (VKO_GOSTR3410_2012), RFC 4357 5.2 (VKO GOST R 34.10-2001);
R 1323565.1.020-2018 and RFC 9189 8.3.1 (KEG).
"""

from __future__ import annotations

from .backend import active
from .curves import Curve, find
from .errors import LengthError, UnknownAlgorithm
from .kdf import kdf_tree_gostr3411_2012_256
from .primitives import HashState, Readable

__all__ = ["keg", "vko"]


def vko(
    private_le: Readable,
    public_le: Readable,
    ukm: Readable,
    curve: str | Curve,
    bits: int | str = 256,
) -> bytes:
    """Derive the key that two parties share.

    Args:
        private_le: own private key, 32 or 64 bytes, little-endian.
        public_le: the peer's public key, x || y, little-endian.
        ukm: user keying material, 1 to 32 or 64 bytes, read as a little-endian
            number; not 0 mod q.  It need not be secret.
        curve: the curve of both keys.
        bits: 256 or 512 for Streebog of that length, "2001" for GOST R 34.11-94
            with CryptoPro's parameters.

    Returns:
        32 bytes, or 64 with *bits* = 512: hash(x || y) of the point
        (cofactor * (UKM * d mod q)) * Q.

    Raises:
        LengthError, PrivateKeyRange, InvalidPoint, UnknownCurve: for bad input.
        UnknownAlgorithm: if *bits* is another value.

    Source:
        RFC 7836 4.3; RFC 4357 5.2.
    """
    state: HashState
    if bits == "2001":
        state = active.hashes.gostr3411_94("cryptopro", secret=True)
    elif bits in (256, 512):
        state = active.hashes.streebog(int(bits), secret=True)
    else:
        raise UnknownAlgorithm(f'VKO bits: is {bits!r}; must be 256, 512 or "2001"')
    try:
        state.update(
            active.elliptic.vko_point(find(curve).index, private_le, public_le, ukm)
        )
        return state.digest()
    finally:
        state.wipe()


def keg(
    private_le: Readable, public_le: Readable, seed: Readable, curve: str | Curve
) -> bytes:
    """Derive the two keys of KEG from a private key, a peer's key and a hash.

    Args:
        private_le, public_le, curve: as for `vko`.
        seed: 32 bytes, usually a hash of the session's public values.  The
            first 16 are the UKM, big-endian, 0 becomes 1; the next 8 are the
            seed of KDF_TREE.

    Returns:
        64 bytes: the MAC key, then the cipher key.

    Raises:
        LengthError: if *seed* does not have 32 bytes; otherwise as `vko`.

    Source:
        RFC 9189 8.3.1.
    """
    material = bytes(seed)
    if len(material) != 32:
        raise LengthError(f"KEG seed: has {len(material)} bytes; must have 32")
    curve = find(curve)
    ukm = material[15::-1]
    if not any(ukm):
        ukm = b"\x01"
    if curve.bits == 512:
        return vko(private_le, public_le, ukm, curve, 512)
    key = vko(private_le, public_le, ukm, curve, 256)
    return kdf_tree_gostr3411_2012_256(key, b"kdf tree", material[16:24], 1, 64)
