# The image of the gateway: docs/deployment.md says how it is run.
#
#   docker build -t smtp-gateway . && docker run -p 587:587 -p 8080:8080 smtp-gateway
#
# A mirror, or an image pinned by its digest, takes the place of a base image by --build-arg.
ARG BUILD_IMAGE=docker.io/library/node:24-trixie-slim
ARG RUNTIME_IMAGE=gcr.io/distroless/nodejs24-debian13:nonroot

# JavaScript from the sources: needs what builds it, and so all packages.
FROM ${BUILD_IMAGE} AS build
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci
COPY tsconfig.json rolldown.config.ts ./
COPY src src
RUN npm run build && find dist -name '*.map' -delete

# The packages that run. What only compilers and debuggers read is two thirds of them; of Effect, which is in dist, the
# licenses are left.
FROM ${BUILD_IMAGE} AS packages
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci --omit=dev --omit=optional --ignore-scripts \
 && find node_modules -type f \( -name '*.ts' -o -name '*.mts' -o -name '*.cts' -o -name '*.map' \) -delete \
 && find node_modules/effect node_modules/@effect -type f ! -name 'LICENSE*' -delete \
 && mkdir -p /state/smtp-gateway && mkdir -m 700 /state/smtp-gateway/dead-letters

# Node.js and the C library, and neither a shell nor a package manager. Every file belongs to root, and nothing is
# written but dead letters, on a volume.
FROM ${RUNTIME_IMAGE} AS runtime
ARG VERSION=0.0.0
ARG REVISION=unknown
ARG CREATED=unknown
LABEL org.opencontainers.image.title="Cakemail SMTP Gateway" \
      org.opencontainers.image.description="Accepts SMTP submission and forwards each mail to the Cakemail Email API" \
      org.opencontainers.image.vendor="Cakemail" \
      org.opencontainers.image.licenses="UNLICENSED" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.created="${CREATED}"
# The MALLOC variables keep the memory of large messages in bounds: docs/decisions/0019-memory-of-large-messages.md;
# the others that of small ones: docs/decisions/0034-room-for-small-objects.md.
ENV NODE_ENV=production \
    MALLOC_ARENA_MAX=2 \
    MALLOC_MMAP_THRESHOLD_=131072 \
    MALLOC_TRIM_THRESHOLD_=131072
WORKDIR /app
COPY package.json ./
COPY --from=packages /app/node_modules node_modules
COPY --from=build /app/dist dist
# Where DEAD_LETTER_DIR may point: Docker gives a new volume the owner of the directory that it is mounted over.
COPY --from=packages --chown=1000:1000 /state/ /var/lib/
# By number, so that Kubernetes sees that it is not root. Docker lets it listen on 587: it has set
# net.ipv4.ip_unprivileged_port_start to 0 in the network of each container since 20.10.
USER 1000:1000
EXPOSE 587 8080
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=5s --start-period=15s --retries=3 \
  CMD ["/nodejs/bin/node", "/app/dist/programs/health.js"]
ENTRYPOINT ["/nodejs/bin/node", "--expose-gc", "--max-semi-space-size=32", "/app/dist/programs/main.js"]
CMD ["gateway"]
