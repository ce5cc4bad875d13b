"""The first three steps: the name of the host, a connection, TLS."""

from __future__ import annotations

import ipaddress
from dataclasses import replace
from typing import Final

from harness.doctor.diagnosis import UNTESTED, Step, needless, ok, wrong
from harness.doctor.visit import Visit
from harness.reading import brief
from harness.wire import reach
from harness.wire.network import is_loopback
from harness.wire.reach import Blocked, Obstacle
from harness.wire.silence import address


async def name(visit: Visit) -> Step:
    """Has the host an address?"""
    host, port, by = _where(visit)
    try:
        number = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        found = await reach.addresses(host, port, visit.patience_s)
    else:
        visit.numbers = (host,)
        return needless(f"{number} is a number{by}")
    if isinstance(found, Blocked):
        shown = brief(host, 100)[1:-1]
        if found.obstacle is Obstacle.NO_DNS:
            do = "check the network and its name servers, or give the host's number"
            return wrong(f"nobody could be asked for the name {shown}{by} ({found.said})", do, exit_code=UNTESTED)
        do = f"check the spelling of {shown}, the VPN or the hosts file; inside a container, `localhost` is the container itself"
        return wrong(f"the name {shown}{by} has no address ({found.said})", do, exit_code=UNTESTED)
    visit.numbers = found
    return ok(f"{brief(host, 100)[1:-1]}{by} is {', '.join(found)}")


async def connection(visit: Visit) -> Step:
    """Does somebody take connections there?"""
    _, port, by = _where(visit)
    found = await reach.connected(visit.numbers, port, visit.patience_s)
    where = f"port {port} of {', '.join(visit.numbers)}{by}"
    if isinstance(found, Blocked):
        match found.obstacle:
            case Obstacle.REFUSED:
                do = "start the server, or correct the port; in a container, the server must listen on 0.0.0.0"
                return wrong(f"{where} is closed: the connection was refused", do, exit_code=UNTESTED)
            case Obstacle.SILENT:
                do = "check the number and port, and the firewall on the way: packets are dropped, or nobody is there"
                return wrong(f"{where} never answers: no connection within {visit.patience_s:g} s", do, exit_code=UNTESTED)
            case _:
                do = "check the network, the VPN and the address"
                return wrong(f"{where} cannot be connected to ({found.said})", do, exit_code=UNTESTED)
    visit.numbers = found.addresses
    others = [f"{number}: {said}; clients that try it first are slow or fail" for number, said in found.others]
    return ok(f"port {port} of {', '.join(found.addresses)} takes connections{by}", *others)


_NO_TRUST: Final = {
    Obstacle.SELF_SIGNED: (
        "its certificate is self-signed: nobody vouches for it",
        "set SSL_CERT_FILE to that certificate's file, or give the server one of an authority (Let's Encrypt)",
    ),
    Obstacle.UNKNOWN_AUTHORITY: (
        "its certificate comes from an authority that is not trusted here",
        "set SSL_CERT_FILE to that authority's file; if it is a public one, the server must send its intermediate certificates",
    ),
    Obstacle.EXPIRED: ("its certificate has expired", "renew it on the server; if it is not old, set this machine's clock"),
    Obstacle.NOT_YET_VALID: ("its certificate is not valid yet", "set this machine's clock"),
}


async def tls(visit: Visit) -> Step:
    """Is TLS spoken, and the certificate trusted and the host's own?"""
    url = visit.url()
    host, port = reach.host_and_port(url)
    if not url.startswith("https:"):
        if visit.has_key() and not is_loopback(host):
            said = f"the key goes to {brief(host, 100)[1:-1]} as plain text, for all on the way to read; prefer https://"
            return needless("http:// goes without", said)
        return needless("http:// goes without")
    if visit.proxy:
        return needless("is between us and the endpoint, behind the proxy: the next step tells")
    found = await reach.secured(host, visit.numbers[0], port, visit.patience_s)
    if not isinstance(found, Blocked):
        return ok(f"{found.version}, and the certificate is trusted and {brief(host, 100)[1:-1]}'s own")
    plain = f"http{url.removeprefix('https')}"
    if found.obstacle in (Obstacle.SILENT, Obstacle.TLS_FAILED) and await reach.speaks_http(
        visit.numbers[0], port, visit.patience_s
    ):
        found = replace(found, obstacle=Obstacle.NO_TLS)
    match found.obstacle:
        case Obstacle.NO_TLS:
            return wrong(f"port {port} speaks no TLS", f"write {plain}, or correct the port", exit_code=UNTESTED)
        case Obstacle.SILENT:
            do = f"check that port {port} speaks TLS (or write {plain}), and look at the server"
            return wrong(f"no handshake within {visit.patience_s:g} s", do, exit_code=UNTESTED)
        case Obstacle.WRONG_NAME:
            names = ", ".join(brief(one, 60)[1:-1] for one in found.names) or "another"
            first = next((one for one in found.names if "*" not in one), None)
            do = f"use the name that it was issued for{f' ({brief(first, 60)[1:-1]})' if first else ''}, or get one for {host}"
            said = f"name mismatch: the certificate is for {names}, not for {brief(host, 60)[1:-1]}"
            return wrong(said, do, exit_code=UNTESTED)
        case Obstacle.SELF_SIGNED | Obstacle.UNKNOWN_AUTHORITY | Obstacle.EXPIRED | Obstacle.NOT_YET_VALID:
            said, do = _NO_TRUST[found.obstacle]
            evidence = [f"valid {'until' if found.obstacle is Obstacle.EXPIRED else 'from'} {found.until}"] if found.until else []
            return wrong(said, do, f"{brief(found.said)[1:-1]}", *evidence, exit_code=UNTESTED)
        case _:
            do = "check the port, and the server's TLS settings and log"
            return wrong(f"the TLS handshake failed ({brief(found.said)[1:-1]})", do, exit_code=UNTESTED)


def _where(visit: Visit) -> tuple[str, int, str]:
    """The host and port to connect to, and in words whether that is a proxy's."""
    if visit.proxy:
        return *reach.host_and_port(visit.proxy), f" (the proxy {address(visit.proxy)})"
    return *reach.host_and_port(visit.url()), ""
