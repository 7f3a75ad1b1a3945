"""Where the service may listen: without keys, only where nobody but this machine reaches it."""

import ipaddress
import socket

from api.auth.api_keys import read_keys
from api.settings import ServerConfig
from recsys.errors import BadSettings


def check_address(place: ServerConfig) -> None:
    """Raises BadSettings when others can reach the address and there is no key; BadFile for keys it cannot read."""
    if read_keys(place.keys_file) or is_loopback(place.serve.host):
        return
    raise BadSettings(
        f"host {place.serve.host}: without keys anybody who reaches it could read and change everything; "
        "make one with `recsys keys create NAME --scope read --scope events`, or listen on 127.0.0.1"
    )


def is_loopback(host: str) -> bool:
    """Whether every address of that name is this machine's own loopback; a name that is not found is not."""
    try:
        found = {str(info[4][0]) for info in socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)}
    except OSError:
        return False
    return bool(found) and all(ipaddress.ip_address(address.split("%")[0]).is_loopback for address in found)
