#!/bin/sh
# Releases an app, and follows until it is live; what became of it is in release.json.
#
#   RELEASE=v7 IMAGE=registry.example/shop@sha256:… release.sh [rainbow.yaml]
#
# KUBECONFIG is that of `rainbow ci-kubeconfig`. Without IMAGE the images are built in the cluster, from the folder of the
# file. The exit code is that of `rainbow release`: 0 live; 1 failed, and users see what they saw before; 2 wrong input;
# 75 failed for now. Started again with the same RELEASE it follows what was submitted before: give each commit its own.
set -u
file=${1:-rainbow.yaml}

said() {
    sed -n "s/^$1: *[\"']\{0,1\}\([a-z0-9-]*\).*/\1/p" "$file"
}

set -- -f "$file" --release "$RELEASE"
if [ -n "${IMAGE:-}" ]; then
    set -- "$@" --image "$IMAGE"
fi
rainbow release "$@" --wait live --output json > release.json
result=$?
if [ "$result" = 2 ]; then
    # Perhaps only because it exists: a job before this one was cut, and the release went on in the cluster.
    rainbow follow --namespace "$(said namespace)" "$(said app)" "$RELEASE" --wait live --output json > release.json
    result=$?
fi
cat release.json
exit "$result"
