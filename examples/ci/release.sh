#!/bin/sh
# Releases an app, and follows until it is live; what became of it is in release.json.
#
#   RELEASE=v7 IMAGE=registry.example/shop@sha256:… release.sh [rainbow.yaml]
#
# KUBECONFIG is that of `rainbow ci-kubeconfig`. Without IMAGE the images are built in the cluster, from the folder of the
# file. The exit code is that of `rainbow release`: 0 live; 1 failed, and users see what they saw before; 2 wrong input;
# 75 failed for now. Started again with the same RELEASE it goes on where it was.
set -u
file=${1:-rainbow.yaml}
set -- -f "$file" --release "$RELEASE"
if [ -n "${IMAGE:-}" ]; then
    set -- "$@" --image "$IMAGE"
fi
rainbow release "$@" --wait live --output json > release.json
result=$?
cat release.json
exit "$result"
