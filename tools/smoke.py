"""Try an installed gostkey: the standards' vectors, quickly, and a round trip.

    python tools/smoke.py native|pure

The word is the backend that must be the one running.  Needs nothing but the
package and the files of tests/vectors; run it in an environment without the
checkout on its path to know that the *installed* package works.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import gostkey
from gostkey import batch, curves

VECTORS = Path(__file__).resolve().parent.parent / "tests" / "vectors"


def load(name: str) -> Any:
    return json.loads((VECTORS / f"{name}.json").read_text(encoding="utf-8"))


def check(fact: bool, what: str) -> None:
    if not fact:
        raise SystemExit(f"smoke test failed: {what}")


def hashes() -> int:
    vectors = load("streebog")["named"]
    for vector in vectors:
        message = bytes.fromhex(vector["message"])
        for make, wanted in (
            (gostkey.streebog256, vector["h256"]),
            (gostkey.streebog512, vector["h512"]),
        ):
            check(make(message).hexdigest() == wanted, f"Streebog: {vector['name']}")
    return len(vectors)


def signatures() -> int:
    curve_of = {
        curve["id"]: curves.get(curve["oids"][0]["oid"])
        for curve in load("curves")["curves"]
    }
    data = load("gost3410")
    good = data["standard"] + data["random"]
    for vector in good:
        curve = curve_of[vector["curve"]]
        key = gostkey.SigningKey.from_bytes(
            bytes.fromhex(vector["private_le"]), curve=curve.name
        )
        public = key.verifying_key
        digest = bytes.fromhex(vector["digest"])
        check(public.to_bytes().hex() == vector["spki_point"], f"d G on {curve.name}")
        public.verify_digest(bytes.fromhex(vector["signature"]), digest)
        public.verify_digest(key.sign_digest(digest), digest)
        try:
            public.verify_digest(bytes(len(digest) * 2), digest)
        except gostkey.InvalidSignature:
            continue
        check(False, f"a signature of zeros verified on {curve.name}")
    return len(good)


def batches() -> None:
    curve = "tc26-256-b"
    keys = batch.generate(3, curve)
    check(keys.private.shape == (3, 32), "shape of a batch of keys")
    digests = batch.digest([b"a", b"b", b"c"])
    made = batch.sign(keys.private, digests, curve)
    check(
        bool(batch.verify(keys.public, made, digests, curve).all()), "a batch verifies"
    )
    made[1, 0] ^= 1
    found = batch.verify(keys.public, made, digests, curve).tolist()
    check(found == [True, False, True], "a changed signature of a batch is found")


def main() -> None:
    wanted = sys.argv[1]
    backend = gostkey.backend()
    check(backend.name == wanted, f"backend {backend.name}, not {wanted}")
    count = hashes() + signatures()
    batches()
    where = Path(gostkey.__file__ or "?").parent
    version = gostkey.__version__
    print(f"gostkey {version}, {backend.name}, {where}: {count} vectors pass")


if __name__ == "__main__":
    main()
