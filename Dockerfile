# docker build -t postroom .
# docker run -p 1337:1337 -v ./sites.yml:/etc/postroom/sites.yml:ro -v postroom-data:/data postroom

FROM rust:1.95-bookworm AS build
WORKDIR /src
COPY . .
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/src/target \
    cargo build --release --locked --bin postroom \
    && cp target/release/postroom /usr/local/bin/postroom

FROM debian:bookworm-slim
# Calls to the sites' own servers trust the system's certificates.
RUN apt-get update \
    && apt-get install --yes --no-install-recommends ca-certificates \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --system --uid 10001 --no-create-home --shell /usr/sbin/nologin postroom \
    && install --directory --owner postroom --group postroom /data /etc/postroom
COPY --from=build /usr/local/bin/postroom /usr/local/bin/postroom

USER postroom
# config.yml and sites.yml are looked for here; environment variables do as well.
WORKDIR /etc/postroom
VOLUME /data
EXPOSE 1337
STOPSIGNAL SIGTERM
ENTRYPOINT ["postroom"]
CMD ["serve", "--data", "/data"]
