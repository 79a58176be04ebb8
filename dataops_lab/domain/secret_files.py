"""The files that hold secrets, by their names."""

from __future__ import annotations

import re
from collections.abc import Iterable
from fnmatch import translate


def _any_of(patterns: Iterable[str]) -> re.Pattern[str]:
    # Ignore the case: `.ENV` and `id_RSA` hold secrets too.
    return re.compile("|".join(map(translate, patterns)), re.IGNORECASE)


_SECRETS = _any_of(
    (
        # variables
        ".env", ".env.*", "*.env", ".envrc", ".renviron",
        # keys and certificates
        "*.pem", "*.key", "*.p8", "*.p12", "*.pfx", "*.ppk", "*.jks", "*.keystore", "*.kdb", "*.kdbx", "*.keytab",
        "id_rsa*", "id_dsa*", "id_ecdsa*", "id_ed25519*",
        # logins that tools keep
        ".netrc", "_netrc", ".pgpass", ".my.cnf", ".mylogin.cnf", ".pypirc", ".npmrc", ".git-credentials",
        ".htpasswd", ".vault-token", ".s3cfg", ".boto", ".databrickscfg", ".snowsql", ".terraformrc", ".dockercfg",
        ".dockerconfigjson", ".docker", ".ssh", ".aws", ".aws-*", ".azure", ".gcloud", ".gnupg", ".kube", "kubeconfig*",
        "*.kubeconfig", "rclone.conf", "terraform.tfstate*", "*.tfstate", "*.tfvars",
        "application_default_credentials*",
        # common names
        *(f"{name}{ending}"
          for name in ("credential", "credentials", "secret", "secrets", "password", "passwords", "passwd", "token",
                       "api_key", "api_keys", "apikey", "client_secret*", "service-account*",
                       "service_account*")
          for ending in ("", ".json", ".toml", ".yaml", ".yml", ".ini", ".cfg", ".conf", ".txt")),
    )
)  # fmt: skip
_NO_SECRETS = _any_of(("*.pub", "*.env.example", "*.env.sample", "*.env.template", "*.env.dist"))


def is_secret(name: str) -> bool:
    """Tell whether it holds secrets, from the name of a file or folder alone."""
    return bool(_SECRETS.match(name)) and not _NO_SECRETS.match(name)
