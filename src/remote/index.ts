export {
  credentialKey,
  metadataHmacKey,
  type CredentialLookup,
  type Credentials,
} from "./auth/credentials.ts";
export { defaultDockerConfigPath, DockerConfig } from "./auth/docker_config.ts";
export { connectTo, type DirectConnection } from "./connect_to.ts";
export type { Connection } from "./connection.ts";
export { createRemote } from "./create_remote.ts";
export { systemClock, type Clock } from "./http/clock.ts";
export type { HttpAnswer } from "./http/send.ts";
export type { HostOptions, RemoteOptions } from "./options.ts";
export { continueBlob, type BlobPlace } from "./pull/blob_source.ts";
export { refusalOf } from "./refusal.ts";
export { buildManifest } from "./push/schema2.ts";
export type { PushedImage } from "./push/push_image.ts";
export { Remote, serverDomain, type PushOptions, type RemoteResolveOptions } from "./remote.ts";
export { fetchUrl, type FetchedUrl, type FetchUrlOptions } from "./fetch_url.ts";
