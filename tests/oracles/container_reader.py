"""A reader of key containers that shares no code with the package.

Hash, cipher and curve are those of gostcrypto; the DER walk, the 16-round MAC
and the arithmetic are here, written from the description of the format and
not from the package.  Keys of GOST R 34.10-2012 only.

gostcrypto's hash goes wrong when fed pieces of other than 64 bytes, so each
hash here is one call.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from gostcrypto import gostcipher, gosthash, gostsignature

SECRET = b"DENEFH028.760246785.IUEFHWUIO.EF"

PAIRS = (("primary.key", "masks.key"), ("primary2.key", "masks2.key"))

CURVES = {
    "1.2.643.2.2.35.1": "id-tc26-gost-3410-2012-256-paramSetB",
    "1.2.643.2.2.36.0": "id-tc26-gost-3410-2012-256-paramSetB",
    "1.2.643.7.1.2.1.1.1": "id-tc26-gost-3410-2012-256-paramSetA",
    "1.2.643.7.1.2.1.1.2": "id-tc26-gost-3410-2012-256-paramSetB",
    "1.2.643.7.1.2.1.1.3": "id-tc26-gost-3410-2012-256-paramSetC",
    "1.2.643.7.1.2.1.1.4": "id-tc26-gost-3410-2012-256-paramSetD",
    "1.2.643.7.1.2.1.2.1": "id-tc26-gost-3410-12-512-paramSetA",
    "1.2.643.7.1.2.1.2.2": "id-tc26-gost-3410-12-512-paramSetB",
    "1.2.643.7.1.2.1.2.3": "id-tc26-gost-3410-2012-512-paramSetC",
}

# id-tc26-gost-28147-param-Z (RFC 7836 C); row i serves bits 4i..4i+3.
SBOX_Z = [
    [int(digit, 16) for digit in row]
    for row in (
        "c462a5b9e8d703f1",
        "68239a5c1e47bd0f",
        "b3582fade174c960",
        "c821d4f670a53e9b",
        "7f5a816d093eb42c",
        "5df692cab78143e0",
        "8e25691cf4b0da37",
        "17ed05834fa69cb2",
    )
]


@dataclass
class Read:
    """What the oracle found."""

    name: str
    private: list[bytes]
    """d, little-endian, from the pair and (unless quick) from the reserve pair."""
    public: bytes
    """x || y, each little-endian."""
    curve_oid: str
    key_oid: str
    digest_oid: str
    exportable: bool
    exchange: bool
    certificate: bytes | None
    not_after: dict[str, str]
    """GeneralizedTime by the OID of the extension."""
    tags: list[int]
    """Of the header's elements, in their order."""


def walk(der: bytes) -> list[tuple[int, bytes, bytes]]:
    """Split DER into (tag, value, whole)."""
    found = []
    at = 0
    while at < len(der):
        start, tag, length = at, der[at], der[at + 1]
        at += 2
        if length & 0x80:
            count = length & 0x7F
            length = int.from_bytes(der[at : at + count], "big")
            at += count
            assert length >= 128, "a length that is not minimal"
        value = der[at : at + length]
        assert len(value) == length, "cut short"
        at += length
        found.append((tag, value, der[start:at]))
    return found


def only(der: bytes, tag: int) -> bytes:
    """Return the value of the one element that der is."""
    ((found, value, _),) = walk(der)
    assert found == tag, f"tag {found:02x}, not {tag:02x}"
    return value


def oid(value: bytes) -> str:
    numbers, number = [], 0
    for octet in value:
        number = number << 7 | octet & 0x7F
        if not octet & 0x80:
            numbers.append(number)
            number = 0
    first = min(numbers[0] // 40, 2)
    return ".".join(map(str, [first, numbers[0] - 40 * first, *numbers[1:]]))


def hash256(data: bytes) -> bytes:
    return bytes(gosthash.new("streebog256", data=bytearray(data)).digest())


def container_key(password: str, salt: bytes) -> bytes:
    pin = b"".join(character.encode("ascii") + bytes(3) for character in password)
    first = hash256(salt + pin)
    c = SECRET.ljust(64, b"\0")
    for _ in range(2000 if password else 2):
        m0 = bytes(octet ^ 0x36 for octet in c)
        m1 = bytes(octet ^ 0x5C for octet in c)
        c = hash256(m0 + first + m1 + first).ljust(64, b"\0")
    m0 = bytes(octet ^ 0x36 for octet in c)[:32]
    m1 = bytes(octet ^ 0x5C for octet in c)[:32]
    return hash256(hash256(m0 + salt + m1 + pin))


def words(key: bytes) -> list[int]:
    return [int.from_bytes(key[i : i + 4], "little") for i in range(0, 32, 4)]


def decrypt(key: bytes, data: bytes) -> bytes:
    """GOST 28147-89 ECB: Magma with key words and blocks in the other byte order."""
    magma = gostcipher.new(
        "magma",
        bytearray(b"".join(word.to_bytes(4, "big") for word in words(key))),
        gostcipher.MODE_ECB,
        pad_mode=gostcipher.PAD_MODE_1,
    )
    swapped = b"".join(data[i : i + 8][::-1] for i in range(0, len(data), 8))
    plain = bytes(magma.decrypt(bytearray(swapped)))[: len(data)]
    return b"".join(plain[i : i + 8][::-1] for i in range(0, len(plain), 8))


def mac(key: bytes, data: bytes) -> bytes:
    """Imitovstavka: 16 rounds a block, the low word of the last state."""
    schedule = words(key) * 2
    n1 = n2 = 0
    data = data.ljust(-(-len(data) // 8) * 8, b"\0")
    for i in range(0, len(data), 8):
        n1 ^= int.from_bytes(data[i : i + 4], "little")
        n2 ^= int.from_bytes(data[i + 4 : i + 8], "little")
        for word in schedule:
            total = (n1 + word) & 0xFFFFFFFF
            mixed = sum(
                SBOX_Z[row][total >> 4 * row & 15] << 4 * row for row in range(8)
            )
            mixed = (mixed << 11 | mixed >> 21) & 0xFFFFFFFF
            n1, n2 = n2 ^ mixed, n1
    return n1.to_bytes(4, "little")


def public_key(curve: dict[str, int], private: bytes) -> bytes:
    size = len(private)
    mode = gostsignature.MODE_256 if size == 32 else gostsignature.MODE_512
    signer = gostsignature.new(mode, curve)
    point = bytes(signer.public_key_generate(bytearray(private[::-1])))
    return point[:size][::-1] + point[size:][::-1]


def read(
    files: Mapping[str, bytes], password: str = "", *, quick: bool = False
) -> Read:
    """Read a container with one key, asserting all that the format says of it.

    *quick* leaves out the password's MAC and the reserve pair: a storage key
    with a password takes gostcrypto several seconds.
    """
    (name,) = walk(only(files["name.key"], 0x30))
    assert name[0] == 0x16
    (content_tag, content, whole), (mac_tag, header_mac, _) = walk(
        only(files["header.key"], 0x30)
    )
    assert (content_tag, mac_tag) == (0x30, 0x04)
    assert mac(bytes(32), whole) == header_mac

    elements = walk(content)
    values = {tag: value for tag, value, _ in elements}
    assert values[0xA0] == bytes.fromhex("06082a85030202250201")
    (unused, attributes) = values[0x03]
    assert unused == 6 and attributes & 0x40
    assert bool(attributes & 0x80) == bool(password)
    (_, key_bits, _), (algorithm_tag, algorithm, _) = walk(values[0x30])
    assert algorithm_tag == 0xA0
    (_, key_oid, _), (_, parameters, _) = walk(algorithm)
    (_, curve_oid, _), (_, digest_oid, _) = walk(parameters)
    fingerprint = values[0x8A]
    if password and not quick:
        key = container_key(password, fingerprint)
        assert mac(key, bytes(16)) == values[0x82]
    not_after = {}
    for _, extension, _ in walk(values[0xAC]):
        (_, extension_oid, _), (_, value, _) = walk(extension)
        ((tag, end, _),) = walk(only(value, 0x30))
        assert tag == 0x81
        not_after[oid(extension_oid)] = end.decode()

    name_of_set = CURVES[oid(curve_oid)]
    curve = gostsignature.CURVES_R_1323565_1_024_2019[name_of_set]
    private = [
        _unwrap(files[primary], files[masks], password, curve["q"])
        for primary, masks in PAIRS[: 1 if quick else 2]
    ]
    public = public_key(curve, private[0])
    assert public[:8] == fingerprint
    bits = key_bits[1] if len(key_bits) > 1 else 0
    return Read(
        name=name[1].decode("cp1251"),
        private=private,
        public=public,
        curve_oid=oid(curve_oid),
        key_oid=oid(key_oid),
        digest_oid=oid(digest_oid),
        exportable=bool(bits & 0x80),
        exchange=bool(bits & 0x20),
        certificate=values.get(0x85),
        not_after=not_after,
        tags=[tag for tag, _, _ in elements],
    )


def _unwrap(primary: bytes, masks: bytes, password: str, q: int) -> bytes:
    ((tag, wrapped, _),) = walk(only(primary, 0x30))
    assert tag == 0x04
    (_, mask, _), (_, salt, _), (_, mask_mac, _) = walk(only(masks, 0x30))
    assert len(salt) == 12
    assert mac(mask[-32:], salt) == mask_mac
    number = int.from_bytes(mask, "little")
    assert 0 < number < q
    masked = int.from_bytes(decrypt(container_key(password, salt), wrapped), "little")
    return (masked * pow(number, -1, q) % q).to_bytes(len(mask), "little")
