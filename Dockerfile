# Dockpass. `docker buildx build --platform linux/amd64,linux/arm64 .` builds for both; there is nothing to compile.

FROM node:24-bookworm-slim AS packages
WORKDIR /opt/dockpass
COPY package.json package-lock.json ./
# The optional packages bring Node 24 to machines without it. No package needs its install script.
RUN npm ci --omit=dev --omit=optional --ignore-scripts --no-audit --no-fund

FROM node:24-bookworm-slim
WORKDIR /opt/dockpass
COPY --from=packages /opt/dockpass/node_modules node_modules
COPY package.json LICENSE ./
COPY migrations migrations
COPY views views
COPY src src
# What is written to: volumes take over the owner of these folders. Everything else may be read-only.
# /etc/ssl/certs, empty: a place to mount CAs of one's own, and OpenSSL complains where it is missing.
RUN install -d -o 1000 -g 1000 -m 0700 /data && install -d -o 1000 -g 1000 -m 0755 /certs && install -d /etc/ssl/certs
# The settings of node are explained in script/dockpass. The first run fills the cache: nobody may write there later.
ENV NODE_COMPILE_CACHE=/opt/dockpass/.cache
RUN printf '#!/bin/sh\nexec node --max-semi-space-size=4 --heap-growing-percent=30 /opt/dockpass/src/main.ts "$@"\n' > /usr/local/bin/dockpass \
  && chmod 0755 /usr/local/bin/dockpass && dockpass serve --help >/dev/null && chmod -R a+rX .cache

ENV NODE_ENV=production \
    LISTEN_ADDRESS=0.0.0.0 \
    DATA_DIR=/data \
    CERTIFICATE_BUNDLE_FILE=/certs/dockpass.pem \
    POLICY_FILE=/etc/dockpass/policy.yml
VOLUME ["/data", "/certs"]
EXPOSE 5001
# By number, so that `runAsNonRoot` of Kubernetes can tell that it is not root.
USER 1000:1000
HEALTHCHECK --interval=15s --timeout=5s --start-period=20s --retries=3 CMD ["dockpass", "health"]
ENTRYPOINT ["dockpass"]
CMD ["serve"]
