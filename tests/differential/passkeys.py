"""The verdict of PyPI `webauthn` on each case: one JSON line in, `ok` or the message of the refusal out."""

import json
import sys
from base64 import urlsafe_b64decode

from webauthn import verify_authentication_response, verify_registration_response
from webauthn.helpers.cose import COSEAlgorithmIdentifier

ALGORITHMS = [
    COSEAlgorithmIdentifier.ECDSA_SHA_256,
    COSEAlgorithmIdentifier.EDDSA,
    COSEAlgorithmIdentifier.RSASSA_PKCS1_v1_5_SHA_256,
]


def decoded(text):
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))


def verdict(case):
    expected = {
        "credential": case["credential"],
        "expected_challenge": decoded(case["challenge"]),
        "expected_rp_id": case["rp_id"],
        "expected_origin": case["origin"],
        "require_user_verification": True,
    }
    known = case.get("known")
    try:
        if known is None:
            verify_registration_response(**expected, supported_pub_key_algs=ALGORITHMS)
        elif known["id"] != case["credential"]["id"]:
            return "unknown credential"
        else:
            verify_authentication_response(
                **expected,
                credential_public_key=decoded(case["cose"]),
                credential_current_sign_count=known["sign_count"],
            )
        return "ok"
    except Exception as error:  # whatever it falls over is a refusal
        return f"{type(error).__name__}: {error}".replace("\n", " ")


for line in sys.stdin:
    print(verdict(json.loads(line)), flush=True)
