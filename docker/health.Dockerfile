# The health service: no Ray, no root, and nothing written outside of its state folder. Build from the root of the project:
#   docker build -f docker/health.Dockerfile -t ray-health .
# Runs with `--read-only --cap-drop ALL`; give it a volume on /var/lib/ray-entrypoint and
# RAY_EP_HEALTH_STATE_DIR=/var/lib/ray-entrypoint, and the head lease outlives the container.
ARG NODE_IMAGE=node:24-bookworm-slim
FROM ${NODE_IMAGE}
COPY docker/health-service-check.sh dist/health-server.js /opt/ray-entrypoint/
# A new volume takes this folder's owner. User 1000 may lack the rights to read files with the checkout's modes.
RUN install -d -o 1000 -g 1000 /var/lib/ray-entrypoint \
  && chmod 0755 /opt/ray-entrypoint/health-service-check.sh \
  && chmod 0644 /opt/ray-entrypoint/health-server.js
USER 1000:1000
WORKDIR /
EXPOSE 8080
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=5s --timeout=3s --start-period=30s --retries=3 CMD ["/opt/ray-entrypoint/health-service-check.sh"]
ENTRYPOINT ["/usr/local/bin/node", "/opt/ray-entrypoint/health-server.js"]
