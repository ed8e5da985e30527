"""Keys that we write are read by OpenSSL and its GOST engine, and the reverse."""

from __future__ import annotations

import re

import pytest
from interop.openssl import OpenSSL

from gostkey import curves, keyforms
from gostkey.backend import active
from gostkey.errors import WrongPassword
from gostkey.keyforms import Scheme

SETS = [
    (Scheme.GOST_2001, "1.2.643.2.2.35.1"),
    (Scheme.GOST_2012, "1.2.643.2.2.35.0"),
    (Scheme.GOST_2012, "1.2.643.2.2.35.1"),
    (Scheme.GOST_2012, "1.2.643.2.2.36.0"),
    (Scheme.GOST_2012, "1.2.643.2.2.36.1"),
    (Scheme.GOST_2012, "1.2.643.7.1.2.1.1.1"),
    (Scheme.GOST_2012, "1.2.643.7.1.2.1.1.2"),
    (Scheme.GOST_2012, "1.2.643.7.1.2.1.1.3"),
    (Scheme.GOST_2012, "1.2.643.7.1.2.1.1.4"),
    (Scheme.GOST_2012, "1.2.643.7.1.2.1.2.0"),
    (Scheme.GOST_2012, "1.2.643.7.1.2.1.2.1"),
    (Scheme.GOST_2012, "1.2.643.7.1.2.1.2.2"),
    (Scheme.GOST_2012, "1.2.643.7.1.2.1.2.3"),
]
PASSWORD = "Пароль 1"


def key_of(oid: str) -> tuple[curves.Curve, bytes, bytes]:
    curve = curves.get(oid)
    private_le = bytes(range(3, curve.size + 2)) + b"\x07"
    public_le = active.elliptic.public_key(curve.index, private_le)
    return curve, private_le, public_le


def number(said: str, name: str) -> int:
    found = re.search(rf"{name}:\s*([0-9A-F]+)", said)
    assert found, said
    return int(found[1], 16)


def assert_shows(said: str, private_le: bytes | None, public_le: bytes) -> None:
    half = len(public_le) // 2
    if private_le is not None:
        assert number(said, "Private key") == int.from_bytes(private_le, "little")
    assert number(said, "X") == int.from_bytes(public_le[:half], "little")
    assert number(said, "Y") == int.from_bytes(public_le[half:], "little")


@pytest.mark.parametrize(("scheme", "oid"), SETS)
@pytest.mark.parametrize("digest_parameters", ["profile", "always"])
def test_openssl_reads_our_keys(
    openssl: OpenSSL, scheme: Scheme, oid: str, digest_parameters: str
) -> None:
    curve, private_le, public_le = key_of(oid)
    der = keyforms.encode_pkcs8(
        curve,
        scheme,
        private_le,
        digest_parameters=digest_parameters,  # type: ignore[arg-type]
    )
    openssl.write("key.pem", keyforms.pem(der, "PRIVATE KEY"))
    said = openssl.check("pkey", "-in", "key.pem", "-noout", "-text")
    assert_shows(said, private_le, public_le)
    spki = keyforms.encode_spki(
        curve,
        scheme,
        public_le,
        digest_parameters=digest_parameters,  # type: ignore[arg-type]
    )
    openssl.write("public.der", spki)
    said = openssl.check(
        "pkey", "-pubin", "-inform", "DER", "-in", "public.der", "-noout", "-text"
    )
    assert_shows(said, None, public_le)


def test_openssl_opens_our_gost89_keys(openssl: OpenSSL) -> None:
    for scheme, oid in SETS:
        curve, private_le, public_le = key_of(oid)
        der = keyforms.encode_pkcs8(
            curve, scheme, private_le, PASSWORD, cipher="gost89", iterations=1000
        )
        openssl.write("key.pem", keyforms.pem(der, "ENCRYPTED PRIVATE KEY"))
        command = ("pkey", "-in", "key.pem", "-noout", "-text", "-passin")
        said = openssl.check(*command, f"pass:{PASSWORD}")
        assert_shows(said, private_le, public_le)
        code, _ = openssl.run(*command, "pass:wrong")
        assert code != 0


PARAMSETS = [
    ("gost2001", "A"),
    ("gost2001", "XB"),
    ("gost2012_256", "A"),
    ("gost2012_256", "B"),
    ("gost2012_256", "XA"),
    ("gost2012_256", "TCA"),
    ("gost2012_256", "TCD"),
    ("gost2012_512", "A"),
    ("gost2012_512", "B"),
    ("gost2012_512", "C"),
]


@pytest.mark.parametrize(("algorithm", "paramset"), PARAMSETS)
def test_we_read_keys_of_openssl(
    openssl: OpenSSL, algorithm: str, paramset: str
) -> None:
    openssl.check(
        *("genpkey", "-algorithm", algorithm, "-pkeyopt", f"paramset:{paramset}"),
        *("-out", "key.pem"),
    )
    said = openssl.check("pkey", "-in", "key.pem", "-noout", "-text")
    found = keyforms.decode_pkcs8((openssl.folder / "key.pem").read_bytes())
    assert_shows(said, bytes(found.private_le), found.public_le)
    wanted = Scheme.GOST_2001 if algorithm == "gost2001" else Scheme.GOST_2012
    assert found.scheme is wanted
    openssl.check("pkey", "-in", "key.pem", "-pubout", "-out", "public.pem")
    public = keyforms.decode_spki((openssl.folder / "public.pem").read_text())
    assert public.public_le == found.public_le
    assert (public.curve.oid, public.scheme) == (found.curve.oid, wanted)
    # The same octets come out, with digestParamSet where the engine puts it.
    rule = "profile" if public.digest_oid is None else "always"
    openssl.check(
        *("pkey", "-in", "key.pem", "-pubout", "-outform", "DER", "-out", "public.der")
    )
    spki = keyforms.encode_spki(
        found.curve,
        wanted,
        public.public_le,
        digest_parameters=rule,  # type: ignore[arg-type]
    )
    theirs = (openssl.folder / "public.der").read_bytes()
    assert spki == theirs


def test_we_open_gost89_keys_of_openssl(openssl: OpenSSL) -> None:
    openssl.check(
        *("genpkey", "-algorithm", "gost2012_256", "-pkeyopt", "paramset:TCB"),
        *("-out", "key.pem"),
    )
    plain = keyforms.decode_pkcs8((openssl.folder / "key.pem").read_bytes())
    openssl.check(
        *("pkcs8", "-topk8", "-in", "key.pem", "-out", "secret.pem"),
        *("-v2", "gost89", "-v2prf", "id-tc26-hmac-gost-3411-2012-512"),
        *("-iter", "1000", "-passout", f"pass:{PASSWORD}"),
    )
    secret = (openssl.folder / "secret.pem").read_bytes()
    assert keyforms.decode_pkcs8(secret, PASSWORD) == plain
    with pytest.raises(WrongPassword):
        keyforms.decode_pkcs8(secret, PASSWORD + " ")
