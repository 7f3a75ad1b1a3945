#!/bin/bash
# The image without a registry of images: over a base that debootstrap makes from Debian's packages.
# As root, with podman, buildah and debootstrap: deploy/docker/build_local.sh [TAG]
# DEBIAN_MIRROR and EXTRAS change what their names say; BUILDAH_ISOLATION=chroot builds where no container may run.
set -euo pipefail
cd "$(dirname "$0")/../.."
tag=${1:-recsys}
base=localhost/recsys-base:bookworm

if ! podman image exists "$base"; then
  root=$(mktemp -d /var/tmp/recsys-base.XXXXXX)
  trap 'rm -rf --one-file-system "$root"' EXIT
  debootstrap --variant=minbase --include=python3-venv,ca-certificates,tzdata bookworm "$root" ${DEBIAN_MIRROR:-} >&2
  rm -rf "$root"/var/cache/apt/archives/*.deb "$root"/var/lib/apt/lists/* "$root"/usr/share/{doc,man,info,locale}/*
  tar -C "$root" --one-file-system -c . | podman import --quiet - "$base" >&2
fi

# pip reads the settings and certificates of this machine while it builds; the image keeps none of them
volumes=()
for path in /etc/pip.conf /etc/ssl/certs "${PIP_FIND_LINKS:-}"; do
  [ -e "$path" ] && volumes+=(--volume "$path:$path:ro")
done

buildah build --format docker --network host --layers "${volumes[@]}" \
  --build-arg "BASE=$base" --build-arg "EXTRAS=${EXTRAS-postgres,s3}" --file deploy/docker/Dockerfile --tag "$tag" .
