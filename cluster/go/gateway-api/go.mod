// Only pins the version and the checksum of the Gateway API's CRDs, the ones that Traefik 3.7 was built with.
module rainbow.dev/cluster/gateway-api

go 1.24.0

require sigs.k8s.io/gateway-api v1.6.3
