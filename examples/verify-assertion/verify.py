"""python3 verify.py ISSUER AUDIENCE ASSERTION: who asks, by Postern's word; or why that word does not count.

ISSUER is Postern's PUBLIC_URL, AUDIENCE this upstream as the route names it: `service:ORDERS` or
`https://api.example.com`. Needs `pip install 'PyJWT[crypto]'`, 2.6 or later.
"""

import sys

import jwt


def verifier(issuer, audience):
    """Make one per process: it fetches the keys once, keeps them, and fetches them anew when a key is not there."""
    keys = jwt.PyJWKClient(f"{issuer}/.well-known/jwks.json")

    def verify(assertion):
        claims = jwt.decode(
            assertion,
            keys.get_signing_key_from_jwt(assertion).key,
            algorithms=["ES256"],
            issuer=issuer,
            audience=audience,
            leeway=5,
            options={"require": ["iss", "aud", "exp", "sub", "sub_id"]},
        )
        # What else Postern may sign some day is no assertion. (The header is verified by now, for it is signed too.)
        if jwt.get_unverified_header(assertion).get("typ") != "postern-assertion+jwt":
            raise jwt.InvalidTokenError("wrong typ")
        return claims

    return verify


if __name__ == "__main__":
    try:
        issuer, audience, assertion = sys.argv[1:]
        claims = verifier(issuer, audience)(assertion)
        subject = claims["sub_id"]
        print(f"{claims['kind']} {subject['sub']} of {subject['iss']} ({claims['sub']})")
    except (jwt.PyJWTError, ValueError) as error:
        sys.exit(f"refused: {error}")
