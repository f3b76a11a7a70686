/** distribution's notifications (docs/content/about/notifications.md, `notifications/event.go`): what an endpoint is sent. */
import { randomUUID } from "node:crypto";
import type { RegistryEvent } from "../../hooks.ts";

export const envelopeType = "application/vnd.docker.distribution.events.v1+json";

export interface Notification {
  readonly id: string;
  /** RFC 3339. */
  readonly timestamp: string;
  readonly action: "push" | "pull" | "mount" | "delete";
  readonly target: {
    readonly mediaType?: string;
    /** Bytes; so is `length`, for readers of the first version. */
    readonly size?: number;
    readonly digest?: string;
    readonly length?: number;
    readonly repository: string;
    readonly fromRepository?: string;
    readonly url?: string;
    readonly tag?: string;
  };
  readonly request: {
    readonly id: string;
    readonly addr?: string;
    readonly host?: string;
    readonly method: string;
    readonly useragent?: string;
  };
  readonly actor: { readonly name?: string };
  readonly source: { readonly addr: string; readonly instanceID: string };
}

export interface NotificationSource {
  /** `host:port` of this instance. */
  readonly addr: string;
  /** New with each start. */
  readonly instanceID: string;
  /** How clients reach the registry, `https://registry.example`; undefined: as the request said. */
  readonly origin: string | undefined;
  readonly scheme: "http" | "https";
}

export function notificationOf(event: RegistryEvent, from: NotificationSource): Notification {
  const { identity, requestId, method, remoteAddress, userAgent, host, time, action } = event;
  const origin = from.origin ?? (host === "" ? undefined : `${from.scheme}://${host}`);
  return {
    id: randomUUID(),
    timestamp: time.toISOString(),
    action,
    target: targetOf(event, origin),
    request: {
      id: requestId,
      ...(remoteAddress !== undefined && { addr: remoteAddress }),
      ...(host !== "" && { host }),
      method,
      ...(userAgent !== undefined && { useragent: userAgent }),
    },
    actor: identity.user === undefined ? {} : { name: identity.user },
    source: { addr: from.addr, instanceID: from.instanceID },
  };
}

function targetOf(event: RegistryEvent, origin: string | undefined): Notification["target"] {
  const { repository, digest, action, kind } = event;
  // A tag that is gone is no digest: its manifest is still there.
  if (kind === "tag") return { repository, tag: event.tag };
  if (action === "delete") return { digest, repository };
  const { mediaType, size } = event;
  const kinds = kind === "manifest" ? "manifests" : "blobs";
  return {
    ...(mediaType !== undefined && { mediaType }),
    ...(size !== undefined && { size, length: size }),
    digest,
    repository,
    ...(action === "mount" && event.from !== undefined && { fromRepository: event.from }),
    ...(origin !== undefined && { url: `${origin}/v2/${repository}/${kinds}/${digest}` }),
    ...(kind === "manifest" && event.tag !== undefined && { tag: event.tag }),
  };
}
