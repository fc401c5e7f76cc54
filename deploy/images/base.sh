#!/bin/sh
# Makes a base image with Python from Debian packages alone, where a Debian mirror can be reached but no image registry.
# Usage, as root: deploy/images/base.sh IMAGE [MIRROR]      Needs: debootstrap, docker.
set -eu

image=${1:?usage: deploy/images/base.sh IMAGE [MIRROR]}
root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
# libcurl4 and OpenSSL are what the database server of the wheel needs beside the C library.
debootstrap --variant=minbase --include=python3,python3-venv,ca-certificates,libcurl4 bookworm "$root" ${2:+"$2"}
rm -rf "$root"/var/cache/apt/archives/*.deb "$root"/var/lib/apt/lists/*
chmod 755 "$root"
tar --create --numeric-owner --directory "$root" . | "${DOCKER:-docker}" import - "$image"
