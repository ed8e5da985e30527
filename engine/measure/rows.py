"""What is compared with what, and how much faster ours must be.

Rows of the group "goals" have a floor that must be reached and an aim: ratios
to the peer's time in the same run.  The groups "threads" and "memory" have
bounds too; "peers" and "kernels" are there to be read.
"""

from __future__ import annotations

import fnmatch
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

__all__ = ["GROUPS", "ROWS", "Row", "Task", "choose"]

GROUPS = ("goals", "threads", "memory", "kernels", "peers")

MEMORY_LIMIT = 8 << 20
"""Bytes that a batch may take on one thread beside its arrays."""

CURVES = tuple(f"tc26-{name}" for name in "256-a 256-b 256-c 256-d".split()) + tuple(
    f"tc26-{name}" for name in "512-a 512-b 512-c".split()
)


@dataclass(frozen=True)
class Task:
    """One operation, to be done over and over in a process of its own."""

    runner: str
    """Who does it: gostkey, or the name of a peer."""
    what: str
    """Operation and parameters with colons between them: sign:tc26-256-b."""
    kernels: str = ""
    """Family to force (GOSTKEY_KERNELS), "pure" for the fallback, "" for neither."""

    def __str__(self) -> str:
        words = [self.what.replace(":", " ")]
        if self.runner != "gostkey":
            words.insert(0, self.runner)
        if self.kernels:
            words.append(f"({self.kernels})")
        return " ".join(words)


@dataclass(frozen=True)
class Row:
    """A comparison; or, without *theirs*, a number of bytes."""

    name: str
    group: str
    ours: Task
    theirs: Task | None = None
    floor: float | None = None
    """The peer's time divided by ours must be at least this."""
    aim: float | None = None
    most_bytes: int | None = None
    """What *ours* may take at most."""
    cpus: int = 1
    """CPUs that both sides are pinned to; with more than one, wall time counts."""


def choose(patterns: Iterable[str], among: Sequence[Row]) -> list[Row] | str:
    """Return the rows whose names match, or the first pattern that none does."""
    wanted = list(patterns)
    for pattern in wanted:
        if not any(fnmatch.fnmatchcase(row.name, pattern) for row in among):
            return pattern
    return [
        row
        for row in among
        if any(fnmatch.fnmatchcase(row.name, pattern) for pattern in wanted)
    ]


def _ours(what: str, kernels: str = "") -> Task:
    return Task("gostkey", what, kernels)


P256_SIGN = Task("openssl", "sign:p256")
B = "tc26-256-b"


def _goals() -> Iterator[Row]:
    """The issue's table, in its order."""
    floors = dict(
        zip(
            CURVES,
            [(20, 28), (20, 28), (18, 25), (9, 14), (2, 2.8), (2, 2.8), (2, 2.8)],
            strict=True,
        )
    )
    for curve, (floor, aim) in floors.items():
        yield Row(
            f"public-keys-{curve[5:]}",
            "goals",
            _ours(f"batch.public_keys:{curve}"),
            P256_SIGN,
            floor,
            aim,
        )
    one = [
        ("generate-256-b", f"batch.generate:{B}", "", P256_SIGN, 12, 18),
        ("sign-256-b", f"batch.sign:{B}", "", P256_SIGN, 12, 18),
        (
            *("verify-256-b", f"batch.verify:{B}", ""),
            *(Task("openssl", "verify:p256"), 5, 7),
        ),
        (
            *("verify-one-key-256-b", f"batch.verify_one_key:{B}", ""),
            *(Task("openssl", "verify:p256"), None, None),
        ),
        ("sign-one-256-b", f"key.sign_digest:{B}", "", P256_SIGN, 1.5, 2.5),
        ("avx2-public-keys-256-b", f"batch.public_keys:{B}", "avx2", P256_SIGN, 2.5, 4),
        ("avx2-sign-256-b", f"batch.sign:{B}", "avx2", P256_SIGN, 2, 3),
        (
            *("portable-public-keys-256-b", f"batch.public_keys:{B}", "portable"),
            *(Task("gost-engine", f"keygen:{B}"), 2.5, 4),
        ),
        (
            *("streebog-512-stream", "hash:512:1048576", ""),
            *(Task("gost-engine", "hash:512:1048576"), 2.4, 2.8),
        ),
        (
            *("digest-63", "batch.digest:256:63", ""),
            *(Task("gost-engine", "hash:256:63"), 3.5, 5),
        ),
        # Each block of 64 random bytes is one such digest.  The engine's best makes
        # 702,000 a second where 120 MB/s, which are 1,875,000 blocks, are asked for.
        (
            *("random-fill", "random.fill", ""),
            *(Task("gost-engine", "hash:512:63"), 2.67, 3.8),
        ),
        (
            *("container-passwords", "kdf.container_keys:password", ""),
            *(Task("gost-engine", "container_key:password"), 2.5, 3.5),
        ),
        (
            *("avx2-container-passwords", "kdf.container_keys:password", "avx2"),
            *(Task("gost-engine", "container_key:password"), 1.8, 2.4),
        ),
        (
            *(
                "portable-container-passwords",
                "kdf.container_keys:password",
                "portable",
            ),
            *(Task("gost-engine", "container_key:password"), 0.9, 1.2),
        ),
    ]
    for name, what, kernels, theirs, floor_, aim_ in one:
        yield Row(name, "goals", _ours(what, kernels), theirs, floor_, aim_)


def _threads() -> Iterator[Row]:
    for name, what in (("public-keys", "batch.public_keys"), ("sign", "batch.sign")):
        yield Row(
            f"{name}-2-threads",
            "threads",
            _ours(f"{what}:{B}:2"),
            _ours(f"{what}:{B}:1"),
            floor=1.8,
            cpus=2,
        )


def _memory() -> Iterator[Row]:
    for name in ("generate", "public_keys", "sign", "verify"):
        yield Row(
            f"memory-{name.replace('_', '-')}",
            "memory",
            _ours(f"memory:{name}:{B}"),
            most_bytes=MEMORY_LIMIT,
        )


def _kernels() -> Iterator[Row]:
    """The kernels in use beside their portable twin and beside plain Python."""
    for name, what in (
        ("public-keys-256-b", f"batch.public_keys:{B}"),
        ("public-keys-512-a", "batch.public_keys:tc26-512-a"),
        ("sign-256-b", f"batch.sign:{B}"),
        ("verify-256-b", f"batch.verify:{B}"),
        ("sign-one-256-b", f"key.sign_digest:{B}"),
        ("verify-one-256-b", f"key.verify_digest:{B}"),
        ("streebog-512-16k", "hash:512:16384"),
        ("digest-63", "batch.digest:256:63"),
        ("random-fill", "random.fill"),
        ("container-passwords", "kdf.container_keys:password"),
    ):
        for kernels in ("portable", "pure"):
            yield Row(f"{name}/{kernels}", "kernels", _ours(what), _ours(what, kernels))
    # Plain Python takes seconds for one; portable code makes them one at a time.
    old = "kdf.container_keys:password:gostr3411_94"
    yield Row(
        *("container-passwords-2001/portable", "kernels"),
        *(_ours(old), _ours(old, "portable")),
    )


def _peers() -> Iterator[Row]:
    """One call of ours beside one call of theirs, and batches where they count."""
    known = {
        "gost-engine": CURVES,
        "nettle": (B, "tc26-512-a"),
        "libgcrypt": (B, "tc26-512-a"),
        "botan": (B, "tc26-512-a"),
        "gostcrypto": (B,),
    }
    for verb, ours in (
        ("sign", "key.sign_digest"),
        ("verify", "key.verify_digest"),
        ("keygen", "key.generate"),
    ):
        for peer, curves in known.items():
            if verb == "keygen" and peer == "nettle":
                continue
            for curve in curves:
                yield Row(
                    f"{verb}-one-{curve[5:]}/{peer}",
                    "peers",
                    _ours(f"{ours}:{curve}"),
                    Task(peer, f"{verb}:{curve}"),
                )
    for peer in known:
        for size in (63, 4096 if peer == "gostcrypto" else 1048576):
            what = f"hash:512:{size}"
            yield Row(f"hash-512-{size}/{peer}", "peers", _ours(what), Task(peer, what))
    for other in ("p256", "ed25519"):
        for peer in ("openssl", "pyca"):
            for verb, one, many in (
                ("sign", "key.sign_digest", "batch.sign"),
                ("verify", "key.verify_digest", "batch.verify"),
                ("keygen", "key.generate", "batch.generate"),
            ):
                theirs = Task(peer, f"{verb}:{other}")
                yield Row(
                    f"{verb}-one-256-b/{peer}-{other}",
                    "peers",
                    _ours(f"{one}:{B}"),
                    theirs,
                )
                if peer == "pyca" and other == "p256":
                    yield Row(
                        f"{verb}-256-b/{peer}-{other}",
                        "peers",
                        _ours(f"{many}:{B}"),
                        theirs,
                    )


ROWS: tuple[Row, ...] = (*_goals(), *_threads(), *_memory(), *_kernels(), *_peers())
