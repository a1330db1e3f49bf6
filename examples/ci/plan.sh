#!/bin/sh
# Prints, as Markdown for a comment on a merge request, what a release of this branch would be, and what there is now.
#
#   plan.sh [rainbow.yaml] > plan.md
#
# KUBECONFIG is that of `rainbow ci-kubeconfig`. Ends with 1 where the manifests would stop a release, after printing why.
set -u
file=${1:-rainbow.yaml}
app=$(sed -n 's/^app: *//p' "$file")
namespace=$(sed -n 's/^namespace: *//p' "$file")

quoted() {
    printf '```\n'
    "$@" 2>&1
    code=$?
    printf '```\n\n'
    return "$code"
}

printf '### A release of %s\n\n' "$app"
quoted rainbow plan -f "$file"
result=$?
printf '### The releases of %s now\n\n' "$app"
quoted rainbow plan --namespace "$namespace" "$app" || printf 'There are none, or they cannot be seen from here.\n'
exit "$result"
