export { metadataHmacKey, type Credentials } from "./auth/credentials.ts";
export { createRemote } from "./create_remote.ts";
export { systemClock, type Clock } from "./http/clock.ts";
export type { HostOptions, RemoteOptions } from "./options.ts";
export { buildManifest } from "./push/schema2.ts";
export type { PushedImage } from "./push/push_image.ts";
export { Remote, serverDomain, type PushOptions, type RemoteResolveOptions } from "./remote.ts";
export { fetchUrl, type FetchedUrl, type FetchUrlOptions } from "./fetch_url.ts";
