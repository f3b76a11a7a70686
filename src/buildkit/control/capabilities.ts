/** What clients may ask for (moby/buildkit, frontend/gateway/pb/caps.go, solver/pb/caps.go). */

const enabled = (ids: readonly string[]) => ids.map((id) => ({ id, enabled: true }));

export const bridgeCapabilities = enabled([
  "solve.base",
  "return",
  "statfile",
  "readfile",
  "proto.refarray",
  "reference.output",
  "frontend.inputs",
  "frontend.caps",
  "gateway.solve.evaluate",
  "gateway.evaluate",
  "gateway.warnings",
]);

/**
 * Graphs are not solved here, but for places on the network of which files are read; these are what such a place, and a
 * Dockerfile with its options, may come to.
 */
export const llbCapabilities = enabled([
  "source.image",
  "source.image.resolvemode",
  "source.local",
  "source.local.unique",
  "source.local.sessionid",
  "source.local.includepatterns",
  "source.local.followpaths",
  "source.local.excludepatterns",
  "source.local.sharedkeyhint",
  "source.git",
  "source.git.fullurl",
  "source.git.keepgitdir",
  "source.git.subdir",
  "source.git.knownsshhosts",
  "source.git.mountsshsock",
  "source.http",
  "exec.meta.base",
  "exec.meta.network",
  "exec.meta.security",
  "exec.meta.ulimit",
  "exec.mount.bind",
  "exec.mount.cache",
  "exec.mount.cache.sharing",
  "exec.mount.tmpfs",
  "exec.mount.secret",
  "exec.mount.ssh",
  "exec.secretenv",
  "file.base",
  "constraints",
  "platform",
  "meta.ignorecache",
  "meta.description",
  "exporter.sourcedateepoch",
  "exporter.multiple",
  "source.policy.session",
]);
