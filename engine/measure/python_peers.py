"""Other implementations that are called from Python, prepared like ours."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from .operations import Operation, message

__all__ = ["PYTHON_PEERS", "openssl_speed"]

Prepare = Callable[[str], Operation | str]


def pyca(what: str) -> Operation | str:
    """pyca/cryptography: keygen, sign, verify over P-256 and Ed25519."""
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519
    from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
    from cryptography.hazmat.primitives.hashes import SHA256

    verb, _, curve = what.partition(":")
    named = f"cryptography {version('cryptography')}"
    digest = bytes(range(32))
    call: Callable[[], object]
    if curve == "ed25519":
        edwards = ed25519.Ed25519PrivateKey.generate()
        good = edwards.sign(digest)
        opened = edwards.public_key()
        call = {
            "keygen": ed25519.Ed25519PrivateKey.generate,
            "sign": lambda: edwards.sign(digest),
            "verify": lambda: opened.verify(good, digest),
        }[verb]
        return Operation(call, version=named)
    if curve != "p256":
        return "cryptography has no GOST curves"
    parameters, how = ec.SECP256R1(), ec.ECDSA(Prehashed(SHA256()))
    key = ec.generate_private_key(parameters)
    signature, public = key.sign(digest, how), key.public_key()
    call = {
        "keygen": lambda: ec.generate_private_key(parameters),
        "sign": lambda: key.sign(digest, how),
        "verify": lambda: public.verify(signature, digest, how),
    }[verb]
    return Operation(call, version=named)


def gostcrypto(what: str) -> Operation | str:
    """gostcrypto, pure Python: Streebog, and keys and signatures."""
    try:
        # It carries no types.
        hashes: Any = __import__("gostcrypto.gosthash").gosthash
        signatures: Any = __import__("gostcrypto.gostsignature").gostsignature
        named = f"gostcrypto {version('gostcrypto')}"
    except (ImportError, PackageNotFoundError):
        return "gostcrypto is not installed"
    verb, *words = what.split(":")
    if verb == "hash":
        bits, length = words
        data = message(int(length))[: int(length)]

        def digest_of() -> bytes:
            return bytes(hashes.new(f"streebog{bits}", data=data).digest())

        return Operation(digest_of, proof=digest_of().hex(), version=named)
    (curve,) = words
    bits, letter = curve[5:8], curve[-1].upper()
    sets = signatures.CURVES_R_1323565_1_024_2019
    found = [
        parameters
        for name, parameters in sets.items()
        if name.endswith(f"{bits}-paramSet{letter}")
    ]
    if not found:
        return "gostcrypto does not know this curve"
    mode = signatures.MODE_512 if bits == "512" else signatures.MODE_256
    size = int(bits) // 8
    scheme = signatures.new(mode, found[0])
    private = bytearray([0, *range(1, size)])
    digest = bytearray(range(size))
    signed, public = scheme.sign(private, digest), scheme.public_key_generate(private)
    call: Callable[[], object] = {
        # It makes no private keys: those are any random bytes.
        "keygen": lambda: scheme.public_key_generate(
            bytearray([0, *os.urandom(size - 1)])
        ),
        "sign": lambda: scheme.sign(private, digest),
        "verify": lambda: scheme.verify(public, digest, signed),
    }[verb]
    return Operation(call, version=named)


def openssl_speed(what: str) -> Operation | str:
    """OpenSSL without a C compiler: its own benchmark, a second each time.

    `worker` takes the time that a call returns in place of the clock's.
    """
    verb, _, curve = what.partition(":")
    program = shutil.which("openssl")
    algorithm = {"p256": "ecdsap256", "ed25519": "ed25519"}.get(curve)
    if program is None or algorithm is None or verb not in ("sign", "verify"):
        return "`openssl speed` does not measure this"
    place = 1 if verb == "sign" else 2
    command = [program, "speed", "-seconds", "1", "-mr", algorithm]

    def nanoseconds() -> float:
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        # +F4 or +F6:number:bits:signatures a second:verifications a second
        found = re.search(r"^\+F[46]:.*:([\d.]+):([\d.]+)$", done.stdout, re.M)
        if found is None:
            raise ValueError(f"{' '.join(command)}: prints no figures that are known")
        return 1e9 / float(found[place])

    named = subprocess.run([program, "version"], capture_output=True, text=True)
    return Operation(nanoseconds, version=f"{named.stdout.strip()} (openssl speed)")


PYTHON_PEERS: dict[str, Prepare] = {"pyca": pyca, "gostcrypto": gostcrypto}
