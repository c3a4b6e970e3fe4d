# The server alone, as a user without a name, a shell or anything else to run: see docs/operations.md, Container.

FROM rust:1.95-slim-bookworm AS build
WORKDIR /hilum
# The queries are checked against .sqlx: a database is not needed to build.
ENV SQLX_OFFLINE=true
# Dependencies come before the sources, so that they are built again only when Cargo.lock changes.
COPY Cargo.toml Cargo.lock ./
RUN mkdir src && touch src/lib.rs && echo 'fn main() {}' > src/main.rs \
    && cargo build --release --locked --bin hilum
COPY . .
# The sources may be older than what was just built from empty ones.
RUN touch src/lib.rs src/main.rs \
    && cargo build --release --locked --offline --bin hilum

# The program needs glibc, libgcc and the roots of ca-certificates, and nothing else.
FROM gcr.io/distroless/cc-debian12:nonroot
ARG VERSION=unreleased
ARG REVISION=unknown
LABEL org.opencontainers.image.title="Hilum" \
      org.opencontainers.image.description="OAuth 2.0, OpenID Connect and SMART on FHIR authorization server" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.base.name="gcr.io/distroless/cc-debian12:nonroot"
COPY LICENSE /usr/share/doc/hilum/LICENSE
COPY --from=build /hilum/target/release/hilum /usr/bin/hilum
# hilum.toml is looked for where the program is started.
WORKDIR /etc/hilum
USER 65532:65532
# Public, mutual TLS; and operations, which is on loopback: for what shares the container's network.
EXPOSE 8443 8444 9464
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s --retries=3 CMD ["/usr/bin/hilum", "health"]
ENTRYPOINT ["/usr/bin/hilum"]
CMD ["serve"]
