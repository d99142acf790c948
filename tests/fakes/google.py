"""What Google Cloud gives for an agent of Dialogflow CX."""

import json
from functools import lru_cache

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

AGENT = "projects/acme/locations/europe-west1/agents/5b0c2c3e-7a53-4e2b-9a0e-3c1a4f6f0d11"
ACCOUNT = "bridge@acme.iam.gserviceaccount.com"


@lru_cache
def service_account_key() -> str:
    """The JSON key of a service account, the same in a process."""
    made = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return json.dumps(
        {
            "type": "service_account",
            "project_id": "acme",
            "private_key_id": "5a2f",
            "private_key": made.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode(),
            "client_email": ACCOUNT,
            "client_id": "104",
            "token_uri": "https://oauth2.googleapis.com/token",
        }
    )
