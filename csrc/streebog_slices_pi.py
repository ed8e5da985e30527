"""The gates of pi between linear maps, for make_streebog_slices.py.

What a random search came to that began with the gates of make_pi_bitslice.py: gates
and inputs were exchanged at random, as long as the eight results still spanned, with
complements, the same functions and no gate more was needed.  Whoever uses
this checks it.
"""

INPUTS = [0x41, 0x44, 0xCE, 0x20, 0x5E, 0xEF, 0x43, 0x08]
"""For each input which bits of the byte it sums: bits of a mask."""

OUTPUTS = [135, 145, 147, 140, 64, 78, 84, 88]
"""Signals; pi is a linear map of them, with complements."""

_TEXT = """
4^1 8|3 2^1 3^10 9n11 1n12 10&4 13|12 15n14 2n16 17^13 18|9 6n19 20^5 20n21 0n22 22^7
24n23 5n25 6n0 27|19 28|26 8&11 30|17 31^3 24&32 2&3 34|4 35&9 24&36 16&5 18&6 39^38
32&23 40^41 37^42 32&6 18&5 45^44 24^23 47&36 48^46 16&7 50^49 43|51 16&6 23&18 26|7
55&21 56&36 57^54 58^53 52^59 33^60 32&21 61^62 29n63 16&0 36&6 64&43 67^51 68|67 24&18
70^69 71^46 72^66 73^61 28^22 55n75 76^74 77^65 0n24 79^56 80|19 81^64 68|82 83^43 47&20
85^68 76&23 87^86 78&84 89|69 90^64 91^83 92|78 93^43 52n89 95^91 94^96 97&8 78n63 96n99
2&100 10&91 102^101 98^103 89&86 94n105 3n106 104^107 2&91 100&10 106^110 111^97 10n112
4&100 114^113 115^109 97&11 116^117 118n108 8n106 3&91 97&1 110^122 123^121 120^124
125^118 126&108 3&100 1n106 128^129 8&91 131^130 132^116 133n127 134|119 118|108 136^125
133^108 137&138 139^133 140&118 141^136 138^125 143|142 144^137 141|127 143^146
"""
"""Gates; the first is signal 8, as 0 to 7 are the inputs; n is and not."""


def _gate(text: str) -> tuple[str, int, int]:
    operation = next(c for c in text if not c.isdigit())
    a, b = text.split(operation)
    return operation, int(a), int(b)


GATES = [_gate(text) for text in _TEXT.split()]
