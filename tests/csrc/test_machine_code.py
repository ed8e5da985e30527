"""The kernels' machine code: no jump, address or slow instruction by a secret.

machine_code follows secrets through the objects that both compilers make with
the flags of the shipped build; it says what it believes and what it proves.  A kernel
is put under it by one line of KERNELS.  Only compiling, so this runs on any
x86-64 machine, whether or not it has the instructions.
"""

from __future__ import annotations

import platform
import re
import subprocess
from pathlib import Path

import pytest
from c_core import CSRC, build, need
from machine_code import (
    BEYOND_BASELINE,
    INSTRUCTIONS,
    Analysis,
    Finding,
    ObjectCode,
    class_of,
    signature,
    symbols,
)

COMPILERS = ["gcc", "clang"]

pytestmark = pytest.mark.skipif(
    platform.machine().lower() not in ("x86_64", "amd64")
    or platform.system() != "Linux",
    reason="reads machine code of x86-64 for Linux; run it on such a machine",
)

# --- The table --------------------------------------------------------------------

# The functions of gostkey_curve_ops and the kinds of their arguments (see
# machine_code).  A point to multiply is public, but lies in memory with others.
CURVE = {
    "base_multiply": "public secret secret",
    "multiply": "public secret secret secret",
    "points": "public secret secret number",
    "to_affine": "public secret secret number",
}
# Those of gostkey_scalar_ops.
SCALARS = {
    "from_wide": "public secret secret secret number number",
    "sign": "public secret secret secret secret secret secret number",
}
# Those of gostkey_streebog_kernel.
STREEBOG = {
    "blocks": "secret secret secret secret number",
    "compress": "pointers number",
    "begin": "number pointers number",
}
# Those of gostkey_streebog_slices.
SLICES = {
    "container": "secret secret number number",
    "pbkdf2": "secret secret number number",
}
# Those of gostkey_gostr3411_94_kernel.
GOSTR3411_94 = {
    "prepare": "secret number",
    "step": "secret secret pointers number number",
    "last": "secret secret secret number",
}

# Kernel file -> its functions that take secrets.  What they call in the same file is
# followed; everything else in it must have _var in its name, or be called only by such.
KERNELS: dict[str, dict[str, str]] = {
    "curve256_minus_avx512": CURVE,
    "curve256_plus_avx512": CURVE,
    "curve256_any_avx512": CURVE,
    "curve512_minus_avx512": CURVE,
    "curve512_plus_avx512": CURVE,
    "curve512_any_avx512": CURVE,
    "gostr3411_94_avx2": GOSTR3411_94,
    "gostr3411_94_avx512": GOSTR3411_94,
    "scalar256_avx512": SCALARS,
    "scalar512_avx512": SCALARS,
    "streebog_avx2": STREEBOG,
    "streebog_avx2_gfni": STREEBOG,
    "streebog_avx512": STREEBOG,
    "streebog_slices_avx2": SLICES,
}

# Kernels whose instructions valgrind knows: memcheck watches them run with the family
# avx2 (csrc/memcheck), secrets in general registers and all, so they are not followed
# here.
WATCHED = {
    "curve256_any_mulx",
    "curve256_minus617_mulx",
    "curve256_plus_mulx",
    "curve512_any_mulx",
    "curve512_minus569_mulx",
    "curve512_plus111_mulx",
}

# Functions of other files that kernels call with secrets in memory, never in the
# arguments.  They are portable code: memcheck has watched them.
OUTSIDE = {
    "free": signature("secret"),
    "gostkey_invert": signature("secret secret public number"),
    "gostkey_wipe": signature("secret number"),
    "malloc": signature("number", "secret"),
    "memcpy": signature("secret secret number", "SECRET"),
    "memset": signature("secret number number", "SECRET"),
}

# What a pointer in one of those structs leads to, by its place.
CURVE_MEMBERS = {
    8: signature(CURVE["base_multiply"]),
    16: signature(CURVE["multiply"]),
    24: signature(CURVE["points"]),
    32: signature(CURVE["to_affine"]),
}
MEMBERS = {
    name: CURVE_MEMBERS
    for name in re.findall(
        r"extern const struct gostkey_curve_ops (\w+);",
        (CSRC / "curve.h").read_text(encoding="utf-8"),
    )
}

# Findings that are right as they are: file, what is on the line, what is found there,
# and why it may be.
EXCEPTIONS = {
    (
        "ifma_comb.h",
        "if (doubled[v] != 0) {",
        "jump on a secret",
    ): "declassified: that the one scalar was met whose last addition is a doubling",
    (
        "ifma_comb.h",
        "if (doubled[v] >> j & 1) {",
        "jump on a secret",
    ): "which of eight it was; random scalars never are",
    (
        "ifma_single.h",
        "if (good == 0) {",
        "jump on a secret",
    ): "declassified: that one of the few scalars was met which the fast sum cannot do",
    (
        "streebog_sums.h",
        "if (n[0] < bits) {",
        "jump on a secret",
    ): "n counts the bits hashed, which the message's length tells",
    (
        "streebog_sums.h",
        "for (int i = 1; i < 8 && ++n[i] == 0; i++) {",
        "jump on a secret",
    ): "the same count's carry",
    (
        "ifma_field.h",
        "z->v[i] = _mm512_mask_mov_epi64(no->v[i], mask, yes->v[i]);",
        "store to the stack with a secret mask",
    ): (
        "gcc selects that way where z is kept in memory and is one of both; a mask "
        "matters for time only on a page that is not there, and z was just written"
    ),
}

# --- Objects ----------------------------------------------------------------------


def objects(compiler: str) -> Path:
    """Compile the core as it is shipped; the folder of the objects."""
    need(compiler, "objdump")
    return build(f"code-{compiler}")


def analyse(path: Path, functions: dict[str, str]) -> tuple[ObjectCode, Analysis]:
    code = ObjectCode(path)
    analysis = Analysis(code, OUTSIDE, MEMBERS)
    for name, arguments in functions.items():
        assert name in code.by_name, f"{path.name} has no function {name}"
        analysis.start(name, arguments.split())
    return code, analysis


def is_excepted(finding: Finding) -> bool:
    path, _ = finding.source
    return (Path(path).name, finding.line(), finding.what) in EXCEPTIONS


def plain_name(name: str) -> str:
    """A function's name without what compilers append to that of a part or copy."""
    return re.sub(r"\.(cold|part|constprop|isra|lto_priv|llvm)\b.*", "", name)


def not_followed(code: ObjectCode, analysis: Analysis) -> set[str]:
    """Functions that are not followed and neither _var by name nor of such alone."""
    public = {name for name in code.by_name if "_var" in name}
    while True:
        called = {
            target.name
            for name in public
            for instruction in code.by_name[name].instructions
            if instruction.target is not None
            and (target := code.function_of(instruction.target)) is not None
        }
        if called <= public:
            break
        public |= called
    followed = {plain_name(name) for name in analysis.reached}
    return {
        name
        for name in code.by_name
        if name not in public and plain_name(name) not in followed
    }


# --- The checks -------------------------------------------------------------------


@pytest.mark.parametrize("compiler", COMPILERS)
@pytest.mark.parametrize("kernel", KERNELS)
def test_no_secret_decides_a_jump_or_an_address(kernel: str, compiler: str) -> None:
    # All functions are followed, or variable-time by name.
    folder = objects(compiler)
    code, analysis = analyse(folder / f"{kernel}.o", KERNELS[kernel])
    wrong = [str(f) for f in analysis.findings.values() if not is_excepted(f)]
    assert wrong == [], "\n".join(wrong)
    # A check that follows nothing would find nothing.
    seen = sum(len(code.by_name[name].instructions) for name in analysis.reached)
    assert seen > 300, analysis.reached
    left = not_followed(code, analysis)
    assert left == set(), f"add them to KERNELS[{kernel!r}] or call them _var"
    print(
        f"{kernel}, {compiler}: {len(analysis.reached)} functions, "
        f"{seen} instructions of {len(analysis.mnemonics)} kinds, "
        f"{len(analysis.jumps)} conditional jumps, "
        f"{len(analysis.findings)} of them listed"
    )


@pytest.mark.parametrize("compiler", COMPILERS)
def test_portable_objects_keep_to_the_baseline(compiler: str) -> None:
    # Also what finds a kernel that is missing in KERNELS.
    folder = objects(compiler)
    stems = sorted(path.stem for path in CSRC.glob("*.c"))
    assert set(KERNELS) | WATCHED <= set(stems)
    allowed = {"cpu": {"xgetbv"}}
    for stem in stems:
        if stem in KERNELS or stem in WATCHED:
            continue
        text = (CSRC / f"{stem}.c").read_text(encoding="utf-8")
        assert "GOSTKEY_TARGET_BEGIN(" not in text, f"{stem}: add it to KERNELS"
        for function in ObjectCode(folder / f"{stem}.o").functions.values():
            for i in function.instructions:
                if i.mnemonic in allowed.get(stem, set()):
                    continue
                beyond = BEYOND_BASELINE.fullmatch(i.mnemonic) or any(
                    re.fullmatch(r"[yz]mm\d+|k[0-7]|xmm(1[6-9]|[23]\d)", o.register)
                    for o in i.operands
                )
                assert not beyond, f"{stem}: {function.name}: {i.text}"


@pytest.mark.parametrize("compiler", COMPILERS)
def test_kernels_define_no_name_that_others_could_link_to(compiler: str) -> None:
    # An inline function of a header, compiled in a target region, must not stand
    # in for its portable twin: only tables of functions are to be seen outside.
    folder = objects(compiler)
    for kernel in sorted(set(KERNELS) | WATCHED):
        defined = list(symbols(folder / f"{kernel}.o"))
        assert any(one.is_function for one in defined), kernel
        seen = {one.name for one in defined if one.is_function and one.is_global}
        assert seen == set(), kernel


def test_exceptions_are_of_lines_that_exist() -> None:
    for name, line, _ in EXCEPTIONS:
        lines = (CSRC / name).read_text(encoding="utf-8").splitlines()
        assert line in [text.strip() for text in lines], (name, line)


def test_every_class_of_instructions_has_a_reason() -> None:
    assert all(len(reason) > 10 for _, _, reason in INSTRUCTIONS)
    for mnemonic in ("vdivpd", "vaddpd", "vsqrtpd", "fdiv", "cpuid", "rdtsc", "lock"):
        assert class_of(mnemonic) == "", mnemonic


# --- That it would notice -----------------------------------------------------------

CANARY = r"""
#include <stddef.h>
#include <stdint.h>
#include <string.h>
%(begin)s
#include <immintrin.h>

void sink(const void *p, size_t n);
void sink_number(uint64_t x);

/* Clean: a loop over a public length, a select by mask, a spill over a call. */
void clean(uint64_t *out, const uint64_t *in, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        __m512i x = _mm512_loadu_si512(in + 8 * i);
        __mmask8 odd = _mm512_test_epi64_mask(x, _mm512_set1_epi64(1));
        uint64_t rest[8];

        x = _mm512_mask_sub_epi64(x, odd, _mm512_setzero_si512(), x);
        _mm512_storeu_si512(rest, x);
        sink(rest, n);
        _mm512_storeu_si512(out + 8 * i, x);
    }
}

/* Clean: 1 / x for a public x may take as long as it likes. */
uint64_t clean_division(const uint64_t *in, uint64_t n)
{
    return in[0] + 1000 / n;
}

void branch_on_word(uint64_t *out, const uint64_t *in)
{
    if (in[0] & 1) {
        sink(out, 8);
    }
}

void branch_on_mask(uint64_t *out, const uint64_t *in)
{
    __m512i x = _mm512_loadu_si512(in);

    if (_mm512_test_epi64_mask(x, x) != 0) {
        sink(out, 8);
    }
}

void branch_on_vector(uint64_t *out, const uint64_t *in)
{
    __m256i x = _mm256_loadu_si256((const __m256i *)(const void *)in);

    if (_mm256_testz_si256(x, x)) {
        sink(out, 8);
    }
}

void branch_on_lane(uint64_t *out, const uint64_t *in)
{
    __m512i x = _mm512_loadu_si512(in);

    x = _mm512_add_epi64(x, x);
    if (_mm_cvtsi128_si64(_mm512_castsi512_si128(x)) < 0) {
        sink(out, 8);
    }
}

/* By way of the stack, of a call and of an index. */
void branch_on_stored(uint64_t *out, const uint64_t *in, size_t n)
{
    uint64_t t[16] = {0};

    for (size_t i = 0; i < n; i++) {
        t[i] = in[i] ^ 5;
    }
    sink(out, 8);
    if (t[3] & 4) {
        sink(out, 16);
    }
}

void branch_on_borrow(uint64_t *out, const uint64_t *in)
{
    unsigned long long t;
    unsigned char borrow = _subborrow_u64(0, in[0], in[1], &t);

    out[0] = t;
    if (borrow) {
        sink(out, 8);
    }
}

uint64_t compare_until_different(const uint8_t *a, const uint8_t *b, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (a[i] != b[i]) {
            return 1;
        }
    }
    return 0;
}

void loop_by_secret(uint64_t *out, const uint64_t *in)
{
    for (uint64_t i = 0; i < in[0]; i++) {
        sink(out, 8);
    }
}

static const uint8_t table[256] = {1, 2, 3};

uint64_t table_by_secret(const uint8_t *in)
{
    return table[in[0]];
}

void store_by_secret(uint64_t *out, const uint64_t *in)
{
    out[in[0] & 63] = 1;
}

static __attribute__((noinline)) uint64_t inner(const uint64_t *at, uint64_t i)
{
    return at[i] * 3;
}

uint64_t table_by_secret_in_a_call(const uint64_t *in, const uint64_t *other)
{
    sink(in, 8);
    return inner(other, in[1] & 7);
}

uint64_t table_by_lane(const uint64_t *in, const uint64_t *other)
{
    __m512i x = _mm512_srli_epi64(_mm512_loadu_si512(in), 60);
    uint64_t lanes[8];

    _mm512_storeu_si512(lanes, x);
    sink(lanes, 0);
    return other[lanes[5] & 15];
}

void gather(uint64_t *out, const uint64_t *in, const uint64_t *other)
{
    __m512i x = _mm512_and_si512(_mm512_loadu_si512(in), _mm512_set1_epi64(63));

    _mm512_storeu_si512(out, _mm512_i64gather_epi64(x, other, 8));
}

void scatter(uint64_t *out, const uint64_t *in)
{
    __m512i x = _mm512_and_si512(_mm512_loadu_si512(in), _mm512_set1_epi64(63));

    _mm512_i64scatter_epi64(out, x, x, 8);
}

uint64_t division(const uint64_t *in)
{
    return in[0] / in[1];
}

uint64_t remainder_by_public(const uint64_t *in, uint64_t n)
{
    return in[0] %% n;
}

uint64_t shift(const uint64_t *in)
{
    return in[0] << (in[1] & 63);
}

uint64_t deposit(const uint64_t *in)
{
    return _pdep_u64(in[0], in[1]);
}

void masked_store(uint64_t *out, const uint64_t *in)
{
    __m512i x = _mm512_loadu_si512(in);

    _mm512_mask_storeu_epi64(out, _mm512_test_epi64_mask(x, x), x);
}

void floating_point(double *out, const double *in)
{
    _mm512_storeu_pd(out, _mm512_mul_pd(_mm512_loadu_pd(in), _mm512_loadu_pd(in + 8)));
}

void argument(const uint64_t *in)
{
    sink_number(in[0]);
}

void length(uint64_t *out, const uint64_t *in)
{
    sink(out, in[0]);
}

void pointer(void (**calls)(void), const uint64_t *in)
{
    calls[in[0] & 1]();
}
%(end)s
"""

# Function -> its arguments, and what must be found in it; None for nothing.
CANARIES = {
    "clean": ("secret secret number", None),
    "clean_division": ("secret number", None),
    "branch_on_word": ("secret secret", "jump on a secret"),
    "branch_on_mask": ("secret secret", "jump on a secret"),
    "branch_on_vector": ("secret secret", "jump on a secret"),
    "branch_on_lane": ("secret secret", "jump on a secret"),
    "branch_on_stored": ("secret secret number", "jump on a secret"),
    "branch_on_borrow": ("secret secret", "jump on a secret"),
    "compare_until_different": ("secret secret number", "jump on a secret"),
    "loop_by_secret": ("secret secret", "jump on a secret"),
    "table_by_secret": ("secret", "address from a secret"),
    "store_by_secret": ("secret secret", "address from a secret"),
    "table_by_secret_in_a_call": ("secret secret", "address from a secret"),
    "table_by_lane": ("secret secret", "address from a secret"),
    "gather": ("secret secret secret", "lanes of a vector address memory"),
    "scatter": ("secret secret", "lanes of a vector address memory"),
    "division": ("secret", "time depends on a secret"),
    "remainder_by_public": ("secret number", "time depends on a secret"),
    "shift": ("secret", "shift by a secret"),
    "deposit": ("secret", "time depends on a secret"),
    "masked_store": ("secret secret", "store with a secret mask"),
    "floating_point": ("secret secret", "an instruction that is on no list"),
    "argument": ("secret", "argument 1 of sink_number from a secret"),
    "length": ("secret secret", "argument 2 of sink from a secret"),
    "pointer": ("pointers secret", "address from a secret"),
}


@pytest.mark.parametrize("compiler", COMPILERS)
def test_the_check_would_notice(compiler: str, tmp_path: Path) -> None:
    need(compiler, "objdump")
    isa = "avx512f,avx512dq,avx512bw,avx512vl,avx2,bmi,bmi2,adx"
    if compiler == "gcc":
        begin = f'#pragma GCC push_options\n#pragma GCC target("{isa}")'
        end = "#pragma GCC pop_options"
    else:
        begin = (
            "#pragma clang attribute push("
            f'__attribute__((target("{isa}"))), apply_to = function)'
        )
        end = "#pragma clang attribute pop"
    source = tmp_path / "canary.c"
    source.write_text(CANARY % {"begin": begin, "end": end}, encoding="utf-8")
    path = tmp_path / "canary.o"
    flags = "-std=c11 -O3 -fPIC -gdwarf-4 -fno-stack-protector -fcf-protection=none"
    subprocess.run([compiler, *flags.split(), "-c", source, "-o", path], check=True)
    outside = {
        **OUTSIDE,
        "sink": signature("secret number"),
        "sink_number": signature("number"),
    }
    code = ObjectCode(path)
    for name, (arguments, wanted) in CANARIES.items():
        analysis = Analysis(code, outside, {})
        analysis.start(name, arguments.split())
        found = {finding.what for finding in analysis.findings.values()}
        if wanted is None:
            assert found == set(), (name, analysis.findings)
        else:
            assert wanted in found, (name, found)
