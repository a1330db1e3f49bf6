#!/bin/sh
# Prints, as Markdown for a comment on a merge request, what a release of this branch would be, and what there is now.
#
#   plan.sh [rainbow.yaml] > plan.md
#
# KUBECONFIG is that of `rainbow ci-kubeconfig`. Ends with 1 where the manifests would stop a release, after printing why.
set -u
file=${1:-rainbow.yaml}

said() {
    sed -n "s/^$1: *[\"']\{0,1\}\([a-z0-9-]*\).*/\1/p" "$file"
}

quoted() {
    printf '```\n'
    "$@" 2>&1
    code=$?
    printf '```\n\n'
    return "$code"
}

printf '### A release of %s\n\n' "$(said app)"
quoted rainbow plan -f "$file"
result=$?
printf '### The releases of %s now\n\n' "$(said app)"
quoted rainbow plan --namespace "$(said namespace)" "$(said app)" || printf 'There are none, or they cannot be seen from here.\n'
exit "$result"
