"""Check digits of the numbers in a Russian subject: INN, SNILS, OGRN, OGRNIP.

A wrong digit in a request comes back as a refusal days later, so the form is
checked before.  A number in a certificate is never changed because of this: it
is what the authority has confirmed.

Sources: the tax service's rules for INN, OGRN, OGRNIP; the pension fund's for
SNILS.
"""

from __future__ import annotations

__all__ = ["fault", "split_inn"]

_INN_10 = (2, 4, 10, 3, 5, 9, 4, 6, 8)
_INN_11 = (7, *_INN_10)
_INN_12 = (3, *_INN_11)

# Numbers up to this one were given out before SNILS had check digits.
_LAST_SNILS_UNCHECKED = 1001998

LENGTHS = {"INN": (12, 10), "INNLE": (10,), "SNILS": (11,), "OGRN": (13,)}
LENGTHS["OGRNIP"] = (15,)


def _weighted(digits: str, weights: tuple[int, ...]) -> str:
    total = sum(
        int(digit) * weight for digit, weight in zip(digits, weights, strict=True)
    )
    return str(total % 11 % 10)


def split_inn(value: str) -> tuple[str, str]:
    """Tell whose INN it is: ("INNLE", ten digits) or ("INN", twelve digits).

    Before INNLE came (1 September 2021) the ten digits of a legal person stood
    in the attribute INN with two zeros in front; no person's INN begins so.
    """
    if len(value) == 10:
        return "INNLE", value
    if len(value) == 12 and value.startswith("00"):
        return "INNLE", value[2:]
    return "INN", value


def fault(kind: str, value: str) -> str:
    """Say what is wrong with a number, "" if nothing.

    Args:
        kind: "INN" (10, 12 digits, or 10 after two zeros), "INNLE", "SNILS",
            "OGRN" or "OGRNIP".
        value: digits only.

    Raises:
        KeyError: for another kind.
    """
    lengths = LENGTHS[kind]
    wanted = " or ".join(str(length) for length in lengths)
    if not value.isascii() or not value.isdigit() or len(value) not in lengths:
        return f"{kind} {value!r}: must be {wanted} digits"
    if kind in ("INN", "INNLE"):
        kind, value = split_inn(value)
        if kind == "INNLE":
            good = _weighted(value[:9], _INN_10) == value[9]
        else:
            good = (
                _weighted(value[:10], _INN_11) == value[10]
                and _weighted(value[:11], _INN_12) == value[11]
            )
    elif kind == "SNILS":
        total = sum(int(digit) * (9 - i) for i, digit in enumerate(value[:9]))
        # 100 counts as 00, and so does a sum of 101.
        good = int(value[9:]) == total % 101 % 100
        good = good or int(value[:9]) <= _LAST_SNILS_UNCHECKED
    else:
        body = int(value[:-1])
        good = str(body % (11 if kind == "OGRN" else 13) % 10) == value[-1]
    if good and set(value) != {"0"}:
        return ""
    return f"{kind} {value}: the check digit does not fit; look for a mistyped digit"
