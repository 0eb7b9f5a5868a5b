# The five services (target services), the tools around them (target tools), the gateway with the console (target gateway).
ARG SWIFT_IMAGE=swift:6.3-bookworm
ARG SWIFT_RUNTIME_IMAGE=swift:6.3-bookworm-slim
ARG DEBIAN_IMAGE=debian:bookworm-slim
ARG NGINX_IMAGE=nginx:1.26

FROM ${SWIFT_IMAGE} AS build
RUN apt-get update \
    && apt-get install -y --no-install-recommends libpq-dev libcrypt-dev libhiredis-dev libcurl4-gnutls-dev libssl-dev libetpan-dev libgmime-3.0-dev \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /source
COPY . .
RUN for service in Auth Billing Campaigns Delivery Audit; do swift build -c release --product "$service" || exit 1; done \
    && mkdir /out \
    && for service in Auth Billing Campaigns Delivery Audit; do cp ".build/release/$service" /out/ || exit 1; done

# Foundation is linked dynamically: this image brings it, tzdata its time zones.
FROM ${SWIFT_RUNTIME_IMAGE} AS services
RUN apt-get update \
    && apt-get install -y --no-install-recommends libpq5 libhiredis0.14 libcurl3-gnutls libetpan20 libgmime-3.0-0 lego ca-certificates tzdata \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --uid 10001 --no-create-home --shell /usr/sbin/nologin penguin
COPY --from=build /out/ /usr/local/bin/
COPY Tools/compose/ /usr/local/lib/penguin/
USER 10001
ENTRYPOINT ["/bin/bash", "/usr/local/lib/penguin/service.sh"]

FROM ${DEBIAN_IMAGE} AS tools
RUN apt-get update \
    && apt-get install -y --no-install-recommends python3 python3-aiosmtpd openssl \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --uid 10001 --no-create-home --shell /usr/sbin/nologin penguin \
    && mkdir /mail && chown 10001:10001 /mail
COPY Tools /penguin/Tools
COPY Gateway /penguin/Gateway
ENV PYTHONPATH=/penguin/Tools PYTHONDONTWRITEBYTECODE=1
USER 10001

FROM ${DEBIAN_IMAGE} AS assets
COPY Tools/lit/install.sh /install-lit.sh
RUN apt-get update && bash /install-lit.sh --into /assets && rm -rf /var/lib/apt/lists/*

FROM ${NGINX_IMAGE} AS gateway
COPY --from=assets /assets/usr/share/nodejs/lit/lit-all.min.js /usr/share/nodejs/lit/lit-all.min.js
COPY Gateway/Console /console
