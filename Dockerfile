# docker build -t registry.example/roster:0.1.0 .
# Node.js as scripts/setup pins it; give a digest for builds that never change: --build-arg NODE=26.10.0-slim@sha256:…
ARG NODE=26.10.0-slim

FROM node:${NODE} AS build
WORKDIR /src
COPY . .
RUN ["npm", "run", "-s", "build"]

FROM node:${NODE}
# Sources in Git are read with it.
RUN apt-get update \
  && apt-get install -y --no-install-recommends ca-certificates git openssh-client \
  && rm -rf /var/lib/apt/lists/*
LABEL org.opencontainers.image.title="Roster" \
  org.opencontainers.image.description="People and access, declared" \
  org.opencontainers.image.licenses="Apache-2.0"
WORKDIR /opt/roster
COPY --from=build /src/package.json /src/LICENSE ./
COPY --from=build /src/crds crds
COPY --from=build /src/schemas schemas
COPY --from=build /src/examples examples
COPY --from=build /src/dist dist
# Only /data and /tmp are written to: everything else may be read-only.
ENV NODE_ENV=production HOME=/tmp ROSTER_DATA=/data
USER 65532:65532
EXPOSE 8080 9090
ENTRYPOINT ["node", "/opt/roster/dist/roster.js"]
CMD ["run"]
