"""The gates of pi between linear maps, for make_streebog_slices.py.

What a random search came to that began with the gates of make_pi_bitslice.py: gates
and inputs were exchanged at random, as long as the eight results still spanned, with
complements, the same functions and no gate more was needed.  Whoever uses
this checks it.
"""

INPUTS = [0x41, 0x1A, 0x44, 0x20, 0x8A, 0x08, 0xEF, 0x43]
"""For each input which bits of the byte it sums: bits of a mask."""

OUTPUTS = [138, 146, 147, 140, 81, 86, 84, 135]
"""Signals; pi is a linear map of them, with complements."""

_TEXT = """
4|1 3^4 8n9 2^1 2^4 4&11 10|2 14n13 14|9 1n10 2n10 3&12 12n15 17|20 20^18 11n18 19|23
21^3 7n16 22&6 26&6 15&7 25&7 27^30 28^5 0n28 24&6 29^34 26^6 32&15 31^37 33^32 32^6
33&22 35^41 36&15 15&33 32n33 25&0 43^46 6n45 32&24 22&7 50^49 22&32 51^47 0n32 26n0
55|16 24&7 57^44 39&24 38^59 56^28 48|56 40&25 42^63 40|5 25&6 58^66 65&36 65n61 68^54
67^52 62^64 70|16 69|71 31^74 73^53 64&53 53|60 77^60 53n60 72^78 80|64 81n79 76^83
83^75 82^75 84&86 86&81 85|86 89^53 87^82 85&87 87&78 91^78 93^91 92^88 90n93 90^94
88|94 4n96 11n99 9n98 12n95 103^100 12n99 104^101 4n95 107^105 1n98 2n98 3n97 111^109
102^106 112^108 3n99 4n99 1n95 117^115 3n95 110^119 2n97 121^118 1n97 120^123 122^106
124^116 39&26 113n114 128^125 69&0 130|127 126^113 125^114 114&132 131|79 129^126
129|125 137n134 133n136 139^125 140&113 133^126 133^138 143&136 141|134 144^129 142^145
"""
"""Gates; the first is signal 8, as 0 to 7 are the inputs; n is and not."""


def _gate(text: str) -> tuple[str, int, int]:
    operation = next(c for c in text if not c.isdigit())
    a, b = text.split(operation)
    return operation, int(a), int(b)


GATES = [_gate(text) for text in _TEXT.split()]
