"""Where the services of a stack find each other: a small nginx in front of their internal listeners, so that one can take another's place.

Elsewhere the platform does this (a Kubernetes service, the name of a compose service). It is reached from this machine only, as those listeners are.
"""

from penguin.component import Component, answers
from penguin.layout import SERVICES
from penguin.processes import program


def configuration(layout, ports):
    """A connection a question: whoever reloads this breaks none that is kept open, and what a service ends it has answered."""
    servers = "".join(
        f"    server {{\n        listen 127.0.0.1:{ports[f'{service}_peers']};\n        location / {{\n"
        f"            proxy_pass http://127.0.0.1:{ports[f'{service}_internal']};\n        }}\n    }}\n" for service in SERVICES)
    return f"""daemon off;
worker_processes 1;
pid {layout.peers}/nginx.pid;
error_log stderr warn;
events {{
    worker_connections 1024;
}}
http {{
    client_body_temp_path {layout.peers}/bodies;
    proxy_temp_path {layout.peers}/answers;
    fastcgi_temp_path {layout.peers}/unused;
    uwsgi_temp_path {layout.peers}/unused;
    scgi_temp_path {layout.peers}/unused;
    access_log off;
    server_tokens off;
    keepalive_timeout 0;
    client_max_body_size 64m;
    client_body_buffer_size 1m;
    proxy_http_version 1.1;
    proxy_set_header Connection close;
    proxy_set_header Host $http_host;
    proxy_connect_timeout 2s;
    proxy_read_timeout 120s;
    proxy_next_upstream off;
{servers}}}
"""


def write(layout, ports):
    path = layout.peers / "nginx.conf"
    path.write_text(configuration(layout, ports))
    return path


def component(layout, ports):
    path = write(layout, ports)
    own = [ports[f"{service}_peers"] for service in SERVICES]
    return Component(
        "peers", [program("nginx", "nginx"), "-e", "stderr", "-p", str(layout.peers), "-c", str(path)], layout.log("peers"),
        missing=lambda _: next((f"nobody listens on port {port}" for port in own if not answers(port)), None), stop_seconds=5)
