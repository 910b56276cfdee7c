"""Standard Webhooks signatures (security.md, Webhook signing)."""

import base64
import binascii
import hashlib
import hmac

PREFIX = "whsec_"


def key_bytes(key: str) -> bytes:
    """Return a signing key's bytes: `whsec_` keys are Base64; raises ValueError."""
    if not key.startswith(PREFIX):
        return key.encode()
    try:
        return base64.b64decode(key.removeprefix(PREFIX), validate=True)
    except binascii.Error as problem:
        raise ValueError("the signing secret is not Base64 after whsec_") from problem


def sign(key: str, id: str, timestamp: int, body: bytes) -> str:
    """Return the `v1` signature of one message by one key."""
    mac = hmac.new(key_bytes(key), f"{id}.{timestamp}.".encode() + body, hashlib.sha256)
    return "v1," + base64.b64encode(mac.digest()).decode()


def signature_headers(keys: str, id: str, timestamp: int, body: bytes) -> dict[str, str]:
    """Return the three headers; a secret may hold two keys apart by a space, while one retires."""
    signatures = [sign(key, id, timestamp, body) for key in keys.split()]
    if not signatures:
        raise ValueError("the signing secret is empty")
    return {
        "webhook-id": id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": " ".join(signatures),
    }
