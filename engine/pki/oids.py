"""Object identifiers of this layer, with names that a person can read.

Sources: RFC 5280, RFC 5652, RFC 9215; FSB order 795 (arc 1.2.643.100); Microsoft's
enrolment attributes (arc 1.3.6.1.4.1.311).
"""

from __future__ import annotations

# -- signatures and digests (RFC 9215 2, RFC 4491 2) --------------------------

SIGNATURE_2001 = "1.2.643.2.2.3"
SIGNATURE_2012_256 = "1.2.643.7.1.1.3.2"
SIGNATURE_2012_512 = "1.2.643.7.1.1.3.3"
KEY_2001 = "1.2.643.2.2.19"
KEY_2012_256 = "1.2.643.7.1.1.1.1"
KEY_2012_512 = "1.2.643.7.1.1.1.2"
DIGEST_94 = "1.2.643.2.2.9"
DIGEST_256 = "1.2.643.7.1.1.2.2"
DIGEST_512 = "1.2.643.7.1.1.2.3"

# -- CMS ----------------------------------------------------------------------

DATA = "1.2.840.113549.1.7.1"
SIGNED_DATA = "1.2.840.113549.1.7.2"
CONTENT_TYPE = "1.2.840.113549.1.9.3"
MESSAGE_DIGEST = "1.2.840.113549.1.9.4"
SIGNING_TIME = "1.2.840.113549.1.9.5"
SIGNING_CERTIFICATE_V2 = "1.2.840.113549.1.9.16.2.47"

# -- request attributes -------------------------------------------------------

EXTENSION_REQUEST = "1.2.840.113549.1.9.14"
MS_EXTENSION_REQUEST = "1.3.6.1.4.1.311.2.1.14"
MS_OS_VERSION = "1.3.6.1.4.1.311.13.2.3"
MS_CSP = "1.3.6.1.4.1.311.13.2.2"
MS_NAME_VALUE = "1.3.6.1.4.1.311.13.2.1"
MS_CLIENT_INFO = "1.3.6.1.4.1.311.21.20"
RENEWAL_CERTIFICATE = "1.3.6.1.4.1.311.13.1"

# -- extensions ---------------------------------------------------------------

SUBJECT_KEY_IDENTIFIER = "2.5.29.14"
KEY_USAGE = "2.5.29.15"
PRIVATE_KEY_USAGE_PERIOD = "2.5.29.16"
SUBJECT_ALT_NAME = "2.5.29.17"
BASIC_CONSTRAINTS = "2.5.29.19"
CRL_NUMBER = "2.5.29.20"
CRL_REASON = "2.5.29.21"
DELTA_CRL = "2.5.29.27"
ISSUING_DISTRIBUTION_POINT = "2.5.29.28"
CERTIFICATE_ISSUER = "2.5.29.29"
CRL_DISTRIBUTION_POINTS = "2.5.29.31"
CERTIFICATE_POLICIES = "2.5.29.32"
AUTHORITY_KEY_IDENTIFIER = "2.5.29.35"
EXTENDED_KEY_USAGE = "2.5.29.37"
AUTHORITY_INFORMATION_ACCESS = "1.3.6.1.5.5.7.1.1"
SUBJECT_SIGN_TOOL = "1.2.643.100.111"
ISSUER_SIGN_TOOL = "1.2.643.100.112"
IDENTIFICATION_KIND = "1.2.643.100.114"

EXTENSION_NAMES = {
    SUBJECT_KEY_IDENTIFIER: "subjectKeyIdentifier",
    KEY_USAGE: "keyUsage",
    PRIVATE_KEY_USAGE_PERIOD: "privateKeyUsagePeriod",
    SUBJECT_ALT_NAME: "subjectAltName",
    BASIC_CONSTRAINTS: "basicConstraints",
    CRL_DISTRIBUTION_POINTS: "cRLDistributionPoints",
    CERTIFICATE_POLICIES: "certificatePolicies",
    AUTHORITY_KEY_IDENTIFIER: "authorityKeyIdentifier",
    EXTENDED_KEY_USAGE: "extKeyUsage",
    AUTHORITY_INFORMATION_ACCESS: "authorityInfoAccess",
    SUBJECT_SIGN_TOOL: "subjectSignTool",
    ISSUER_SIGN_TOOL: "issuerSignTool",
    IDENTIFICATION_KIND: "identificationKind",
    "1.2.643.2.2.49.2": "CryptoPro embedded licence",
    "1.3.6.1.4.1.311.21.1": "Microsoft CA version",
    "1.3.6.1.4.1.311.21.7": "Microsoft certificate template",
    "1.3.6.1.4.1.311.20.2": "Microsoft certificate template name",
}

# -- key purposes and policies ------------------------------------------------

CLIENT_AUTH = "1.3.6.1.5.5.7.3.2"
EMAIL_PROTECTION = "1.3.6.1.5.5.7.3.4"

PURPOSE_NAMES = {
    "1.3.6.1.5.5.7.3.1": "serverAuth",
    CLIENT_AUTH: "clientAuth",
    "1.3.6.1.5.5.7.3.3": "codeSigning",
    EMAIL_PROTECTION: "emailProtection",
    "1.3.6.1.5.5.7.3.8": "timeStamping",
    "1.3.6.1.5.5.7.3.9": "OCSPSigning",
    "2.5.29.37.0": "anyExtendedKeyUsage",
    "1.2.643.2.2.34.6": "CryptoPro registration authority user",
}

POLICY_NAMES = {
    "2.5.29.32.0": "any policy",
    "1.2.643.100.113.1": "KC1",
    "1.2.643.100.113.2": "KC2",
    "1.2.643.100.113.3": "KC3",
    "1.2.643.100.113.4": "KB1",
    "1.2.643.100.113.5": "KB2",
    "1.2.643.100.113.6": "KA1",
}
"""Classes of signature tools (FSB order 795), Latin letters as in RFC 9215."""

IDENTIFICATION_KINDS = {
    0: "in person",
    1: "by qualified signature",
    2: "by passport chip",
    3: "by biometric system",
}
