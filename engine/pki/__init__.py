"""Public-key infrastructure: certificates, requests, CMS, CRLs, chains, a small CA.

| module | holds |
|---|---|
| `names`, `identifiers` | subjects with Russian attributes; check digits |
| `certificates`, `extensions` | X.509 certificates |
| `requests`, `renewal_request` | PKCS#10, and CMS around it signed with the old key |
| `cms` | SignedData |
| `crls`, `chain` | revocation, and whom to believe |
| `ca`, `issuing`, `profiles`, `register` | the small authority |
| `describe` | a certificate in words, for lists and JSON |
| `schemas`, `coding`, `oids` | ASN.1 |

Nothing here reads the clock: what depends on time takes it as an argument.
"""
