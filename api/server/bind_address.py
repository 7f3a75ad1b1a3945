"""Bind-address check: without API keys the service listens on loopback only."""

import ipaddress
import socket

from api.auth.api_keys import keys_in_force
from api.settings import ServerConfig
from recsys.errors import BadSettings


def check_address(config: ServerConfig) -> None:
    """Raises BadSettings when other machines can reach the address and there is no key.

    Raises BadFile for keys that are damaged, unreadable, or missing in a home that had some.
    """
    if keys_in_force(config) or is_loopback(config.serve.host):
        return
    raise BadSettings(
        f"host {config.serve.host}: without keys anybody who reaches it could read and change everything; "
        "make one with `recsys keys create NAME --scope read --scope events`, or listen on 127.0.0.1"
    )


def is_loopback(host: str) -> bool:
    """Whether every address of that name is the loopback of this machine; False for an unknown name."""
    try:
        addresses = {str(info[4][0]) for info in socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)}
    except OSError:
        return False
    return bool(addresses) and all(ipaddress.ip_address(address.split("%")[0]).is_loopback for address in addresses)
