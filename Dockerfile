# syntax=docker/dockerfile:1

FROM golang:1.26 AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN --mount=type=cache,target=/go/pkg/mod go mod download
# The repository comes along: the version in the programs is that of the checkout.
COPY . .
RUN --mount=type=cache,target=/go/pkg/mod --mount=type=cache,target=/root/.cache/go-build \
    CGO_ENABLED=0 go build -trimpath -ldflags='-s -w' -o /out/ ./cmd/...

# Nothing but the two programs, certificates of authorities and time zones: no
# shell, no package manager, no root. Nothing is written but to /tmp, for uploads.
FROM gcr.io/distroless/static-debian12:nonroot
COPY --from=build /out/worker /out/publisher /usr/local/bin/
COPY config/dev.yaml config/staging.yaml config/production.yaml /etc/gangway/config/
WORKDIR /etc/gangway
USER nonroot
EXPOSE 8080 8081
ENV GANGWAY_HTTP_ADDR=0.0.0.0:8080
# The admin listener stays on the container's own loopback unless GANGWAY_ADMIN_ADDR
# and GANGWAY_ADMIN_TOKEN say otherwise.
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s CMD ["/usr/local/bin/worker", "ready"]
# worker run finishes what it holds within shutdown.grace (30 s): give it a little more,
# docker stop --time 40.
STOPSIGNAL SIGTERM
ENTRYPOINT ["/usr/local/bin/worker"]
CMD ["run"]
