"""The one list of functions that both backends offer.

`gostkey.bindings` (C) and `gostkey.pure` (Python) each have the modules
`hashes`, `ciphers`, `elliptic` and `generators`; each module is an
implementation of the protocol of that name here.  These functions are the
ground floor: they check lengths and ranges (and raise the exceptions of
`gostkey.errors`), but know no names of standards, no DER and no files.

Byte order, everywhere on this floor: private keys, nonces and UKM are
little-endian numbers of the curve's size; a public key is x || y, each
little-endian; a signature is s || r, each big-endian (RFC 9215); a digest is
the octets as Streebog returns them, read as a little-endian number.

A *curve* is its index in `CURVES`; a *size* is 32 or 64 bytes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, TypeAlias

Readable: TypeAlias = bytes | bytearray | memoryview
"""Contiguous bytes to read from (a NumPy array is passed as memoryview)."""

Writable: TypeAlias = bytearray | memoryview
"""Contiguous bytes to write into."""


def not_octets(name: str, data: object) -> TypeError:
    """Make the error for an argument of that name that is no buffer."""
    hint = "; strings must be encoded" if isinstance(data, str) else ""
    return TypeError(f"{name}: is {type(data).__name__}; must be bytes{hint}")


def octets(name: str, data: Readable) -> Readable:
    """View the argument of that name as plain bytes; copy it if it is not contiguous.

    Raises:
        TypeError: if it is no buffer.
    """
    try:
        view = memoryview(data)
    except TypeError:
        raise not_octets(name, data) from None
    if not view.nbytes:
        # cast refuses an array of no rows.
        return b""
    if not view.c_contiguous:
        return view.tobytes()
    return view if view.format == "B" and view.ndim == 1 else view.cast("B")


CURVES = (
    "test-256",
    "tc26-256-a",
    "tc26-256-b",
    "tc26-256-c",
    "tc26-256-d",
    "test-512",
    "tc26-512-a",
    "tc26-512-b",
    "tc26-512-c",
)
"""Canonical names in the order of the C core's curve numbers."""

HASHES = ("streebog256", "streebog512", "gostr3411_94", "gostr3411_94_test")
"""Hash names for hmac, pbkdf2, container_key: the 94 hash is with CryptoPro's
parameters (1.2.643.2.2.30.1) unless its name ends in _test (30.0)."""

SBOXES = ("z", "test", "a", "b", "c", "d")
"""GOST 28147-89 S-boxes: TC26 Z, then 1.2.643.2.2.31.0 to .31.4."""

BLOCK_CIPHERS = ("magma", "kuznyechik")


class HashState(Protocol):
    """A running hash."""

    def update(self, data: Readable) -> None:
        """Hash more data; any length, in any pieces."""

    def digest(self) -> bytes:
        """Return the digest of what was hashed so far; the state goes on."""

    def copy(self) -> HashState:
        """Return an independent copy."""

    def wipe(self) -> None:
        """Overwrite the state; using it afterwards is an error."""


class Hashes(Protocol):
    """Streebog, GOST R 34.11-94 and what is built of them."""

    def streebog(self, bits: int, *, secret: bool = False) -> HashState:
        """Start Streebog with 256 or 512 bits (GOST R 34.11-2012).

        With *secret* the native core takes the path whose addresses do not
        depend on the data; without it the table path, for public data only.
        """

    def gostr3411_94(self, parameters: str, *, secret: bool = False) -> HashState:
        """Start GOST R 34.11-94; *parameters* is "cryptopro" or "test"."""

    def streebog_one(self, bits: int, message: Readable) -> bytes:
        """Hash one message (public data)."""

    def streebog_many(
        self, bits: int, out: Writable, messages: Readable, size: int
    ) -> None:
        """Hash n messages of *size* bytes each, laid end to end (public data).

        n = len(out) / (bits / 8); len(messages) must be n * size.
        """

    def streebog_joined(
        self, bits: int, out: Writable, messages: Readable, lengths: Readable
    ) -> None:
        """Hash messages of different lengths, laid end to end (public data).

        *lengths* are numbers of 64 bits in the machine's byte order, one for each
        message; together they are len(messages).
        """

    def streebog_apart(
        self, bits: int, out: Writable, messages: Sequence[Readable]
    ) -> None:
        """Hash messages of any lengths where they are (public data)."""

    def hmac(self, hash_name: str, key: Readable, data: Readable) -> bytes:
        """HMAC (RFC 2104; RFC 7836 4.1) over a secret key; *hash_name* of HASHES."""

    def pbkdf2(
        self,
        hash_name: str,
        password: Readable,
        salt: Readable,
        iterations: int,
        length: int,
    ) -> bytes:
        """PBKDF2 with HMAC of *hash_name* (RFC 8018 5.2; RFC 9337)."""

    def container_key(
        self, hash_name: str, password: Readable, salt: Readable
    ) -> bytes:
        """CPKDF: 32-byte storage key of a CryptoPro container.

        *password* is already expanded (four bytes a character); 2 iterations
        if it is empty, else 2000.
        """

    # Many at once, secret as above.  Sequences have one item for each result.

    def hmac_many(
        self, hash_name: str, keys: Sequence[Readable], data: Sequence[Readable]
    ) -> list[bytes]:
        """hmac of each key with its data."""

    def pbkdf2_many(
        self,
        hash_name: str,
        passwords: Sequence[Readable],
        salts: Sequence[Readable],
        iterations: int,
        length: int,
    ) -> list[bytes]:
        """pbkdf2 of each password with its salt."""

    def container_keys(
        self, hash_name: str, passwords: Sequence[Readable], salts: Sequence[Readable]
    ) -> list[bytes]:
        """container_key of each password with its salt."""


class Ciphers(Protocol):
    """GOST 28147-89, Magma and Kuznyechik; always constant time in C.

    GOST 28147-89 takes an S-box of SBOXES, a 32-byte key and 8-byte initial
    values in the classic little-endian word convention.  *meshing* is
    CryptoPro key meshing every 1024 bytes (RFC 4357 2.3.2).
    """

    def gost28147_ecb_encrypt(self, sbox: str, key: Readable, data: Readable) -> bytes:
        """Encrypt whole 8-byte blocks."""

    def gost28147_ecb_decrypt(self, sbox: str, key: Readable, data: Readable) -> bytes:
        """Decrypt whole 8-byte blocks."""

    def gost28147_cfb_encrypt(
        self, sbox: str, key: Readable, iv: Readable, data: Readable, meshing: bool
    ) -> bytes:
        """Encrypt in gamma feedback mode; any length."""

    def gost28147_cfb_decrypt(
        self, sbox: str, key: Readable, iv: Readable, data: Readable, meshing: bool
    ) -> bytes:
        """Decrypt in gamma feedback mode; any length."""

    def gost28147_cnt(
        self, sbox: str, key: Readable, iv: Readable, data: Readable, meshing: bool
    ) -> bytes:
        """Encrypt or decrypt in gamma (counter) mode; any length."""

    def gost28147_mac(
        self, sbox: str, key: Readable, iv: Readable, data: Readable, meshing: bool
    ) -> bytes:
        """MAC (imitovstavka), 4 bytes; *iv* is the start state, usually 8 zeros."""

    def gost28147_macs(
        self, sbox: str, keys: Readable, texts: Sequence[Readable]
    ) -> list[bytes]:
        """gost28147_mac of each text, from a start state of zeros, without meshing.

        *keys*: 32 bytes for each, end to end, or 32 bytes for all.
        """

    def gost28147_ecb_into(
        self,
        sbox: str,
        out: Writable,
        keys: Readable,
        data: Readable,
        n: int,
        decrypt: bool,
    ) -> None:
        """Encrypt or decrypt n pieces of equal size, each under its own key.

        Keys, pieces and results are laid end to end; *out* may be *data*.
        """

    def block_encrypt(self, cipher: str, key: Readable, data: Readable) -> bytes:
        """Encrypt whole blocks, ECB; *cipher* of BLOCK_CIPHERS (GOST R 34.12-2015)."""

    def block_decrypt(self, cipher: str, key: Readable, data: Readable) -> bytes:
        """Decrypt whole blocks, ECB."""

    def cbc_encrypt(
        self, cipher: str, key: Readable, iv: Readable, data: Readable
    ) -> bytes:
        """CBC of GOST R 34.13-2015; *iv* is one or more blocks, data whole blocks."""

    def cbc_decrypt(
        self, cipher: str, key: Readable, iv: Readable, data: Readable
    ) -> bytes:
        """Inverse of cbc_encrypt."""

    def cfb_encrypt(
        self, cipher: str, key: Readable, iv: Readable, data: Readable
    ) -> bytes:
        """CFB of GOST R 34.13-2015, s = block size; any length."""

    def cfb_decrypt(
        self, cipher: str, key: Readable, iv: Readable, data: Readable
    ) -> bytes:
        """Inverse of cfb_encrypt."""

    def ofb(self, cipher: str, key: Readable, iv: Readable, data: Readable) -> bytes:
        """OFB of GOST R 34.13-2015; encrypts and decrypts; any length."""

    def ctr_acpkm(
        self,
        cipher: str,
        key: Readable,
        iv: Readable,
        data: Readable,
        section: int,
    ) -> bytes:
        """CTR with ACPKM key meshing each *section* bytes (RFC 8645 6.2.2).

        *iv* is half a block.  *section* 0: plain CTR of GOST R 34.13-2015.
        """

    def omac(self, cipher: str, key: Readable, data: Readable, length: int) -> bytes:
        """OMAC (GOST R 34.13-2015 5.6), the first *length* bytes."""


class Elliptic(Protocol):
    """GOST R 34.10-2012 over the nine parameter sets."""

    def public_key(self, curve: int, private_le: Readable) -> bytes:
        """Return Q = d G; raises PrivateKeyRange unless 1 <= d < q."""

    def sign(
        self, curve: int, private_le: Readable, digest: Readable, fresh: Readable
    ) -> bytes:
        """Sign with a hedged nonce.

        The nonce comes from key, digest and *fresh* (size bytes of fresh
        random); it is uniform if any one of key and *fresh* is good.
        """

    def sign_with_nonce(
        self, curve: int, private_le: Readable, digest: Readable, nonce_le: Readable
    ) -> bytes | None:
        """Sign with a given nonce; None if this nonce must be discarded.

        For test vectors only: a nonce used twice gives the key away.
        """

    def verify(
        self, curve: int, public_le: Readable, digest: Readable, signature: Readable
    ) -> bool:
        """Say whether the signature is good; a wrong length or range is False.

        Raises InvalidPoint if the public key is not acceptable.
        """

    def point_fault(self, curve: int, public_le: Readable) -> str:
        """Say what is wrong with a public key, "" if nothing.

        Checks coordinates below p, the equation of the curve, and that the
        order is q (not a small one).
        """

    def vko_point(
        self, curve: int, private_le: Readable, public_le: Readable, ukm_le: Readable
    ) -> bytes:
        """Return (cofactor * (UKM * d mod q)) * Q as x || y (RFC 7836 4.3).

        *ukm_le* is 1 to *size* bytes.  Raises LengthError for another length,
        ValueError family for UKM = 0 mod q, InvalidPoint, PrivateKeyRange.
        """

    def private_from_wide(self, curve: int, wide: Readable) -> bytes:
        """Map size + 8 uniform bytes to a private key: wide mod q, 1 for 0."""

    def multiply_mod_q(self, curve: int, a_le: Readable, b_le: Readable) -> bytes:
        """Return a * b mod q; a, b any numbers of *size* bytes; constant time."""

    def divide_mod_q(self, curve: int, a_le: Readable, b_le: Readable) -> bytes:
        """Return a / b mod q; raises PrivateKeyRange if b = 0 mod q; constant time."""

    # Many at once.  Arrays are laid end to end; out is written in place; the
    # native functions release the GIL.  A stride of 0 means one for all.

    def private_from_wide_into(
        self, curve: int, out: Writable, wide: Readable, n: int
    ) -> None:
        """private_from_wide for n values."""

    def multiply_mod_q_into(
        self, curve: int, out: Writable, a_le: Readable, b_le: Readable, n: int
    ) -> None:
        """multiply_mod_q of n pairs; *out* may be one of the factors."""

    def divide_mod_q_into(
        self, curve: int, out: Writable, a_le: Readable, b_le: Readable, n: int
    ) -> None:
        """divide_mod_q of n pairs; *out* may be the dividends.

        Raises PrivateKeyRange naming the first bad index; then *out* is all zero.
        """

    def public_keys_into(
        self, curve: int, out: Writable, private_le: Readable, n: int
    ) -> None:
        """public_key for n keys; raises PrivateKeyRange naming the first bad index."""

    def sign_into(
        self,
        curve: int,
        out: Writable,
        private_le: Readable,
        private_stride: int,
        digests: Readable,
        fresh: Readable,
        first: int,
        n: int,
    ) -> None:
        """Sign n digests.

        *fresh*, size bytes, is one for all; *first* is the place of the first
        item among all that share it, and enters the nonces with it.
        """

    def verify_into(
        self,
        curve: int,
        out: Writable,
        public_le: Readable,
        public_stride: int,
        digests: Readable,
        signatures: Readable,
        n: int,
    ) -> None:
        """Verify n signatures: out[i] = 1 if good, else 0 (a bad key gives 0)."""


class DrbgState(Protocol):
    """R 1323565.1.006-2017 over Streebog-512, seeded."""

    def blocks(self, count: int) -> bytes:
        """Return the next *count* whole 64-byte blocks, in the order made."""

    def fill(self, out: Writable) -> None:
        """Fill *out* with output, then replace the seed.

        Look-back protection: the new seed is 48 bytes of a block that is never
        given out; the old state is wiped.
        """

    def reseed(self, seed: Readable) -> None:
        """Start again from a seed of 32, 40 or 48 bytes, not all zero."""

    def wipe(self) -> None:
        """Overwrite the state; using it afterwards is an error."""


class Generators(Protocol):
    """The deterministic generator."""

    def drbg(self, seed: Readable) -> DrbgState:
        """Make a generator from a seed of 32, 40 or 48 bytes, not all zero."""

    def wipe(self, buffer: Writable) -> None:
        """Overwrite a buffer with zeros in a way no compiler leaves out."""
