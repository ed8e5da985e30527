"""Where makers put their PKCS #11 libraries.

None is loaded because it lies there: loading one runs its maker's code in this
process.  The list helps a person to name one.
"""

from __future__ import annotations

from pathlib import Path

USUAL = (
    # Rutoken ECP
    "/opt/aktivco/rutokenecp/*/librtpkcs11ecp.so",
    "/usr/lib/librtpkcs11ecp.so",
    "/usr/lib64/librtpkcs11ecp.so",
    "/usr/lib/*/librtpkcs11ecp.so",
    "/Library/Frameworks/rtpkcs11ecp.framework/rtpkcs11ecp",
    "C:/Windows/System32/rtPKCS11ECP.dll",
    # JaCarta-2 GOST
    "/usr/lib/libjcPKCS11-2.so*",
    "/usr/lib64/libjcPKCS11-2.so*",
    "/usr/lib/*/libjcPKCS11-2.so*",
    "C:/Windows/System32/jcPKCS11-2.dll",
)


def usual_libraries() -> list[Path]:
    """Return the libraries that lie in usual places of this computer."""
    found = []
    for pattern in USUAL:
        path = Path(pattern)
        root = Path(path.anchor)
        if path.is_absolute() and root.is_dir():
            found += sorted(root.glob(str(path.relative_to(root))))
    return found
