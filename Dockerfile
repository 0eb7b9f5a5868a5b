# One build, then an image a service (targets auth, billing, campaigns, delivery, audit), the gateway with the console (gateway), and what a
# development stack needs besides (tools, mailbox).
ARG SWIFT_IMAGE=swift:6.3-bookworm
ARG DEBIAN_IMAGE=debian:bookworm-slim
ARG NGINX_IMAGE=nginx:1.26

FROM ${SWIFT_IMAGE} AS build
RUN apt-get update \
    && apt-get install -y --no-install-recommends libpq-dev libcrypt-dev libhiredis-dev libcurl4-gnutls-dev libssl-dev libetpan-dev libgmime-3.0-dev \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /source
# No more than the compiler reads, so that a change of the documents builds nothing anew. The package names its tests.
COPY Package.swift ./
COPY Shared Shared
COPY Services Services
COPY Tests Tests
# Symbols stay for backtraces, what only a debugger reads goes. Foundation is linked dynamically: linked into the program it finds no time zones.
RUN --mount=type=cache,target=/source/.build,sharing=locked \
    set -e; mkdir -p /out/bin /out/lib; \
    for service in Auth Billing Campaigns Delivery Audit; do \
        swift build -c release --product "$service"; \
        strip --strip-debug -o "/out/bin/$(echo "$service" | tr A-Z a-z)" ".build/release/$service"; \
        ldd ".build/release/$service" | awk '$3 ~ "/swift/linux/" { print $3 }' | xargs -I{} cp -Lu {} /out/lib/; \
    done

FROM ${DEBIAN_IMAGE} AS runtime
RUN apt-get update \
    && apt-get install -y --no-install-recommends libpq5 libhiredis0.14 libstdc++6 zlib1g ca-certificates tzdata \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --uid 10001 --no-create-home --shell /usr/sbin/nologin penguin
COPY --from=build /out/lib/ /usr/lib/swift/linux/
# Each file in it is one setting, as secrets are mounted.
ENV SETTINGS_FOLDER=/run/penguin

FROM runtime AS auth
COPY --from=build /out/bin/auth /usr/local/bin/auth
USER 10001
HEALTHCHECK --interval=5s --timeout=10s --start-period=60s CMD ["/usr/local/bin/auth", "--ready"]
ENTRYPOINT ["/usr/local/bin/auth"]

FROM runtime AS billing
COPY --from=build /out/bin/billing /usr/local/bin/billing
USER 10001
HEALTHCHECK --interval=5s --timeout=10s --start-period=60s CMD ["/usr/local/bin/billing", "--ready"]
ENTRYPOINT ["/usr/local/bin/billing"]

FROM runtime AS campaigns
COPY --from=build /out/bin/campaigns /usr/local/bin/campaigns
USER 10001
HEALTHCHECK --interval=5s --timeout=10s --start-period=60s CMD ["/usr/local/bin/campaigns", "--ready"]
ENTRYPOINT ["/usr/local/bin/campaigns"]

FROM runtime AS delivery
RUN apt-get update \
    && apt-get install -y --no-install-recommends libcurl3-gnutls libetpan20 libgmime-3.0-0 lego \
    && rm -rf /var/lib/apt/lists/*
COPY --from=build /out/bin/delivery /usr/local/bin/delivery
USER 10001
HEALTHCHECK --interval=5s --timeout=10s --start-period=60s CMD ["/usr/local/bin/delivery", "--ready"]
ENTRYPOINT ["/usr/local/bin/delivery"]

FROM runtime AS audit
COPY --from=build /out/bin/audit /usr/local/bin/audit
USER 10001
HEALTHCHECK --interval=5s --timeout=10s --start-period=60s CMD ["/usr/local/bin/audit", "--ready"]
ENTRYPOINT ["/usr/local/bin/audit"]

# The set-up job and the mail server of a development stack.
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

# Reads by IMAP what the mail server of a development stack caught.
FROM ${DEBIAN_IMAGE} AS mailbox
RUN apt-get update \
    && apt-get install -y --no-install-recommends dovecot-imapd \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --uid 10001 --no-create-home --shell /usr/sbin/nologin penguin
COPY Tools/compose/dovecot.conf /etc/dovecot/dovecot.conf
HEALTHCHECK --interval=5s --timeout=5s CMD ["doveadm", "service", "status", "imap-login"]
ENTRYPOINT ["/usr/sbin/dovecot", "-F"]

FROM ${DEBIAN_IMAGE} AS assets
COPY Tools/lit/install.sh /install-lit.sh
RUN apt-get update && bash /install-lit.sh --into /assets && rm -rf /var/lib/apt/lists/*

FROM ${NGINX_IMAGE} AS gateway
COPY --from=assets /assets/usr/share/nodejs/lit/lit-all.min.js /usr/share/nodejs/lit/lit-all.min.js
COPY Gateway/Console /console
USER 101
ENTRYPOINT ["nginx", "-e", "stderr", "-c", "/run/penguin/nginx.conf"]
