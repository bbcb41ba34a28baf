# The carrier: all that a node needs, below /opt/ray-entrypoint, for other images to copy (docs/operations.md), and ws, which
# runs from it without a checkout (docs/ws.md). Build from the root of the project, after `npm run setup`:
#   docker build -f docker/carrier.Dockerfile -t ray-entrypoint .
ARG NODE_IMAGE=node:24-bookworm-slim
# The official image of the Docker CLI, Compose and Buildx, whose programs need no library.
ARG DOCKER_IMAGE=docker:cli
FROM ${DOCKER_IMAGE} AS client

FROM ${NODE_IMAGE}
# The same as in Dockerfile: as one more stage there, the classic builder would pull the client for each node's image.
COPY docker/programs.sh docker/compile.sh /
RUN sh /programs.sh
COPY docker/entrypoint.sh docker/profile.sh docker/install.sh docker/health-check.sh docker/compile-cache.cjs /opt/ray-entrypoint/
COPY dist/entrypoint.js /opt/ray-entrypoint/entrypoint.js
RUN sh /compile.sh

COPY --from=client /usr/local/bin/docker /usr/local/bin/docker
COPY --from=client /usr/local/libexec/docker /usr/local/libexec/docker
# What ws reads of a checkout, with what it builds the nodes' images from.
COPY config.yaml .dockerignore /opt/ws/
COPY docker /opt/ws/docker
COPY dist/entrypoint.js dist/health-server.js dist/ws.js /opt/ws/dist/
# A folder of the host, mounted under the same path: the engine mounts files of it into nodes.
ENV WS_STATE_DIR=/var/lib/ray-entrypoint
ENTRYPOINT ["/opt/ray-entrypoint/bin/tini", "-s", "--", "sh", "/opt/ws/docker/ws.sh"]
CMD ["--help"]
