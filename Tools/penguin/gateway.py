"""The gateway: an nginx configuration made from the route table, the description of the API beside it, and nginx as a component."""

import os
import ssl
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path

from penguin import openapi_pages, problems
from penguin.component import Component
from penguin.layout import ROOT, SERVICES
from penguin.processes import program
from penguin.routes import RouteTable
from penguin.services import base_url

TEMPLATE = ROOT / "Gateway" / "nginx.conf.template"

# What services may see of a request, besides what the gateway says itself.
FORWARDED = (
    "Accept", "Accept-Language", "Content-Type", "Idempotency-Key", "If-Match", "If-None-Match", "Last-Event-ID", "Nile-Origin", "Origin", "Purpose", "Range", "Referer",
    "Sec-Fetch-Site", "Sec-Purpose", "Stripe-Signature", "User-Agent", "X-CSRF-Token", "tracestate",
)


ACCESS_LOG = "/dev/stdout"
# Where Tools/lit/install.sh puts it, here and in the image.
LIT = Path("/usr/share/nodejs/lit")


@dataclass(frozen=True)
class Place:
    """What differs between a laptop and a container."""

    listen: str
    # Service → host:port of its public listener.
    upstreams: dict
    certificate: Path
    key: Path
    # Where nginx keeps its pid and what it sets aside.
    run: Path
    console: Path
    # The folder with what openapi_pages writes.
    description: Path
    # Host names and addresses under which the whole is served; under any other there are only the paths for tracking hosts.
    names: tuple
    # As `listen`, without TLS: authorities ask tracking hosts there, everybody else is led to `https_port`. None: nobody listens.
    plain_listen: str = None
    https_port: int = 443
    # Where Delivery writes the certificates of tracking hosts; None: they are shown the gateway's own.
    tracking_certificates: Path = None
    # The user of the workers; None where nginx does not start as root and cannot choose.
    user: str = None
    # How long browsers remember to use TLS only; for localhost they would remember it for every other port too.
    hsts_seconds: int = 63_072_000
    # The folder of Lit, the console's one third-party file.
    lit: Path = LIT
    # The name server that knows the replicas of a service, where they come and go; None: each service is at one address for good.
    resolver: str = None

    def upstream(self, service):
        """What stands in `proxy_pass` for a service; a variable is looked up anew, a name once at the start."""
        return f"$address_of_{service}" if self.resolver else service


def configuration(table, place):
    """The whole nginx.conf."""
    values = {
        "user": f"user {place.user};" if place.user else "",
        "run": place.run,
        "access_log": ACCESS_LOG,
        "rate_zones": "\n".join(
            f"    # {zone.about}\n    limit_req_zone $binary_remote_addr zone={name}:2m rate={zone.rate};" for name, zone in table.zones.items()),
        "upstreams": _upstreams(place),
        "auth": place.upstream("auth"),
        "listen": place.listen,
        "certificate": place.certificate,
        "key": place.key,
        "hsts_seconds": place.hsts_seconds,
        "forwarded_headers": _forwarded_headers(),
        "names": " ".join(place.names),
        "tracking_certificates": _tracking_certificates(place),
        "locations": _all_locations(table, table.routes, place),
        "tracking_locations": _all_locations(table, [route for route in table.routes if route.tracking], place),
        "plain_server": _plain_server(table, place) if place.plain_listen else "",
        "console": place.console,
        "lit": place.lit,
        "description": place.description,
        "problems": problems.locations(),
    }
    text = TEMPLATE.read_text()
    for name, value in values.items():
        text = text.replace(f"@@{name}@@", str(value))
    return text


def _upstreams(place):
    if not place.resolver:
        return "".join(_upstream(service, place.upstreams[service]) for service in SERVICES)
    # A replica that has just gone is known for another moment: who asked nothing yet is led to the next one.
    lines = [f"    resolver {place.resolver} valid=2s ipv6=off;", ""]
    for service in SERVICES:
        lines += [f'    map "" ${place.upstream(service)[1:]} {{', f"        default {place.upstreams[service]};", "    }"]
    return "\n".join(lines) + "\n"


def _upstream(service, address):
    # One server each: there is nobody else to ask while it is marked as failed, so it never is.
    return f"    upstream {service} {{\n        server {address} max_fails=0;\n        keepalive 32;\n    }}\n"


def _forwarded_headers():
    lines = [f"proxy_set_header {name} $http_{name.lower().replace('-', '_')};" for name in FORWARDED]
    lines += ["proxy_set_header traceparent $trace_context;", "proxy_set_header Cookie $cookies;", "proxy_set_header Authorization $authorization;"]
    return "\n".join("    " + line for line in lines)


def _tracking_certificates(place):
    """Which certificate a name is shown: tracking hosts have a file each, with the key in it, that is opened when somebody comes."""
    lines = []
    for variable, own in (("tracking_certificate", place.certificate), ("tracking_key", place.key)):
        lines += [f"    map $ssl_server_name ${variable} {{", f"        default {own};"]
        if place.tracking_certificates:
            lines.append(f'        "~^track\\.[a-z0-9._-]+$" "{place.tracking_certificates}/$ssl_server_name.pem";')
        lines += ["    }", ""]
    return "\n".join(lines)


def _plain_server(table, place):
    port = "" if place.https_port == 443 else f":{place.https_port}"
    elsewhere = _block("/", [f"return 308 https://$host{port}$request_uri;"])
    return "\n".join([
        "", "    # What authorities ask; everybody else is led to where it is encrypted.", "    server {",
        f"        listen {place.plain_listen} default_server;", "        server_name _;", f"        access_log {ACCESS_LOG} anonymous;", "",
        _all_locations(table, [route for route in table.routes if route.plain], place), elsewhere, "", problems.locations(), "    }", ""])


def _all_locations(table, routes, place):
    return "\n".join(block for route in routes for block in _locations(route, table, place))


def _locations(route, table, place):
    """The location blocks of one line: nginx knows beginnings of text, the table knows whole segments."""
    body = _directives(route, table, place)
    if route.has_parameters:
        # Expressions are tried before plain paths, so this wins over the line of the collection.
        return [_block(f'~ "{route.expression}"', body)]
    if route.path.endswith("/"):
        # Without this nginx would redirect from the path without its slash.
        return [_block(route.path, body), _block(f"= {route.path[:-1]}", ["return 404;"])]
    return [_block(f"= {route.path}", body), _block(f"{route.path}/", body)]


def _directives(route, table, place):
    lines = [f"set $service {route.service};"]
    if route.methods:
        lines += [f'if ($request_method !~ "^({"|".join(route.methods)})$") {{', "    return 405;", "}"]
    if route.rate:
        lines.append(f"limit_req zone={route.rate} burst={table.zones[route.rate].burst} nodelay;")
    if route.auth == "session":
        lines += [
            "auth_request /gateway/authenticate;",
            "auth_request_set $identity_token $upstream_http_x_identity_token;",
            "auth_request_set $auth_problem $upstream_http_x_auth_problem;",
            "auth_request_set $retry_after $upstream_http_retry_after;",
        ]
    if route.auth == "none":
        lines.append("set $withhold_credentials yes;")
    if route.service == "auth":
        # Secrets beside what the caller sent: their compressed length would tell of them.
        lines.append("gzip off;")
    if route.log == "anonymous":
        lines.append(f"access_log {ACCESS_LOG} anonymous;")
    lines.append(f"client_max_body_size {route.body};")
    if not route.request_buffering:
        lines += ["proxy_request_buffering off;", f"client_body_timeout {route.seconds}s;", f"proxy_send_timeout {route.seconds}s;"]
    if not route.response_buffering:
        lines.append("proxy_buffering off;")
    if route.seconds != 60:
        lines.append(f"proxy_read_timeout {route.seconds}s;")
    return lines + [f"proxy_pass http://{place.upstream(route.service)};"]


def _block(match, lines):
    return "\n".join([f"        location {match} {{", *["            " + line for line in lines], "        }"])


def write(layout, ports):
    """Writes the configuration for services that listen at these ports; returns its path."""
    place = Place(
        listen=f"127.0.0.1:{ports['gateway']}", upstreams={service: f"127.0.0.1:{ports[f'{service}_public']}" for service in SERVICES},
        certificate=layout.certificates / "gateway.pem", key=layout.certificates / "gateway.key", run=layout.gateway,
        console=ROOT / "Gateway" / "Console", description=openapi_pages.write(layout.gateway / "openapi"), names=("localhost", "127.0.0.1"),
        plain_listen=f"127.0.0.1:{ports['gateway_plain']}", https_port=ports["gateway"], tracking_certificates=layout.tracking_certificates,
        user="root" if os.getuid() == 0 else None, hsts_seconds=300)
    path = layout.gateway / "nginx.conf"
    path.write_text(configuration(RouteTable.load(), place))
    return path


def component(layout, ports):
    """Writes the configuration, then it is an ordinary process."""
    path = write(layout, ports)
    return Component(
        "gateway", [program("nginx", "nginx"), "-e", "stderr", "-p", str(layout.gateway), "-c", str(path)], layout.log("gateway"),
        missing=lambda _: _missing(base_url(ports), layout.authority), stop_seconds=5)


def _missing(url, authority):
    # Whoever shows a certificate of our authority is our gateway.
    context = ssl.create_default_context(cafile=str(authority))
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context))
    try:
        with opener.open(url + "/", timeout=3):
            return None
    except (OSError, urllib.error.URLError) as error:
        return str(error)
