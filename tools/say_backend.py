"""Say which backend of gostkey runs; exit 0 whatever it is."""

import warnings

warnings.simplefilter("ignore")
import gostkey  # noqa: E402

backend = gostkey.backend()
if backend.name == "native":
    print(f"gostkey {gostkey.__version__}: native core")
else:
    print(
        f"gostkey {gostkey.__version__}: pure-Python fallback, slow and not "
        f"constant-time ({backend.reason})"
    )
