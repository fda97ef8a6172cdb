"""`python -m gateway keys new`: makes an API key, shows it once, and says what to store."""

import secrets

from gateway.domain.api_keys import ALPHABET, RANDOM_CHARACTERS, digest, new_key


def print_new_key(key_id: str, group: str) -> None:
    """Print a new key and its digest, then the entry for the configuration file."""
    key = new_key(secrets.choice(ALPHABET) for _ in range(RANDOM_CHARACTERS))
    stored = digest(key)
    print(f"id:     {key_id}")
    print(f"key:    {key}")
    print(f"sha256: {stored}")
    print()
    print("The key is shown this once and stored nowhere: hand it to its user.")
    print("What the gateway stores is the sha256, in gateway.yaml:")
    print()
    print("keys:")
    print(f"  - {{id: {key_id}, sha256: {stored}, group: {group}}}")
