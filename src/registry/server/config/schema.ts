/**
 * The keys of a configuration: distribution's (docs/content/about/configuration.md, of 2.8 and 3.0), which mean what they
 * mean there, and ours, which stand at the end. What changes nothing here is taken with a warning, so that a file of
 * distribution's can be used as it is.
 */
import { anything, idle, list, mapOf, optional, scalar, section, type Read } from "./field.ts";
import { fsck, gc, retention } from "./maintenance_keys.ts";
import { policy } from "./policy_keys.ts";
import { proxy } from "./proxy_keys.ts";
import { quota } from "./quota_keys.ts";
import { address, duration, flag, httpUrl, integer, oneOf, text } from "./scalars.ts";

const minute = 60_000;
const hour = 60 * minute;

const levels = ["error", "warn", "info", "debug"] as const;

const log = section({
  accesslog: section({ disabled: flag(false), formatter: text() }),
  level: oneOf(levels, undefined),
  formatter: oneOf(["text", "json", "logstash"], "text"),
  fields: mapOf(text("")),
  hooks: idle("log hooks are not supported: let the collector of the logs send the mail"),
  reportcaller: idle("varve's log has no callers"),
});

const texts = list(text(""));

const tls = section({
  certificate: text(),
  key: text(),
  clientcas: texts,
  clientauth: oneOf(["require-and-verify-client-cert"], undefined),
  minimumtls: oneOf(["tls1.0", "tls1.1", "tls1.2", "tls1.3"], "tls1.2"),
  ciphersuites: idle("the cipher suites are those of Node"),
  letsencrypt: optional(section({ cachefile: text(), email: text(), hosts: texts, directoryurl: text() })),
});

const http = section({
  addr: address({ host: "127.0.0.1", port: 5000 }),
  net: oneOf(["tcp"], "tcp"),
  prefix: scalar("a path such as /my/registry/", "/", (value) =>
    /^\/(?:[\w.~-]+\/)*$/.test(String(value)) ? String(value) : undefined,
  ),
  host: httpUrl(undefined),
  secret: text(),
  relativeurls: flag(false),
  draintimeout: duration(undefined),
  tls: optional(tls),
  headers: mapOf(
    scalar("a list of texts", [], (value) =>
      Array.isArray(value) ? value.map(String) : typeof value === "object" ? undefined : [String(value)],
    ),
  ),
  debug: optional(
    section({
      addr: address(undefined),
      prometheus: section({ enabled: flag(false), path: text("/metrics") }),
    }),
  ),
  http2: section({ disabled: flag(false) }),
  h2c: idle("HTTP/2 is spoken over TLS only"),
});

const endpoint = section({
  name: text(),
  disabled: flag(false),
  url: httpUrl(undefined),
  headers: mapOf(texts),
  timeout: duration(5000),
  threshold: integer(10, 1),
  backoff: duration(1000),
  ignoredmediatypes: texts,
  ignore: section({ mediatypes: texts, actions: texts }),
});

const checked = { interval: duration(10_000), threshold: integer(3, 1) };

const health = section({
  storagedriver: section({ enabled: flag(true), ...checked }),
  file: list(section({ file: text(), ...checked })),
  http: list(
    section({
      uri: httpUrl(undefined),
      headers: mapOf(texts),
      statuscode: integer(200, 100),
      timeout: duration(5000),
      ...checked,
    }),
  ),
  tcp: list(section({ addr: text(), timeout: duration(5000), ...checked })),
});

const validation = section({
  enabled: flag(undefined),
  disabled: flag(undefined),
  manifests: section({
    urls: section({ allow: texts, deny: texts }),
    indexes: idle("members of an index are not looked at: it may be pushed before they are"),
  }),
});

const ours = {
  /** Who did what: JSON lines. */
  audit: optional(section({ path: text() })),
  /** Bounds for clients that mean no good, or are broken. */
  limits: section({
    /** Requests a second of one user or address. */
    requests: optional(section({ persecond: integer(100, 1), burst: integer(200, 1) })),
    connections: integer(10_000, 1),
    /** Until the head of a request is there. */
    headertimeout: duration(20_000),
    /** Without a byte in either direction, while a request is being answered. */
    idletimeout: duration(10 * minute),
    /** Without a request on an open connection. */
    keepalivetimeout: duration(60_000),
    /** Bytes. */
    headersize: integer(64 << 10, 4096),
  }),
  /** Spans for each request, to a collector that takes OTLP over HTTP as JSON. */
  traces: optional(
    section({ endpoint: httpUrl(undefined), headers: mapOf(text("")), servicename: text("varve-registry") }),
  ),
  quota,
  /** `/metrics` on the address of the registry itself, for who may list the catalog. */
  metrics: section({ enabled: flag(false) }),
  /** Pages for people. */
  web: section({
    enabled: flag(true),
    path: scalar("a path such as /browse/ that nothing else has", "/", (value) =>
      /^\/(?:(?!(?:v2|token|auth|healthz|readyz|metrics|\.well-known)\/)[\w.~-]+\/)?$/.test(String(value))
        ? String(value)
        : undefined,
    ),
  }),
  /** Garbage collection while it runs. Off unless an interval is given. */
  gc,
  /** Which tags stay. */
  retention,
  /** Reads all data again and again. Off unless an interval is given. */
  fsck,
};

/** Keys of `storage` that name no driver. */
export const storageExtras = section({
  // Nearly every file has it, and whoever has it misses nothing without.
  cache: anything,
  delete: section({ enabled: flag(false) }),
  redirect: section({ disable: flag(false) }),
  maintenance: section({
    uploadpurging: section({
      enabled: flag(true),
      age: duration(168 * hour),
      interval: duration(24 * hour),
      dryrun: flag(false),
    }),
    readonly: section({ enabled: flag(false) }),
  }),
  tag: idle("tags are looked up at once, as many as there are"),
});

export const schema = section({
  version: scalar("0.1", "0.1", (value) => (/^0\.1(?:\.0)?$/.test(String(value)) ? "0.1" : undefined)),
  log,
  loglevel: oneOf(levels, undefined),
  storage: anything,
  auth: anything,
  middleware: idle(
    "distribution's middleware is not there: a storage or access controller of your own takes its place",
  ),
  reporting: idle("reports to Bugsnag and New Relic are not supported"),
  http,
  notifications: section({
    events: section({ includereferences: flag(false) }),
    endpoints: list(endpoint),
  }),
  redis: idle("no Redis is needed"),
  health,
  proxy,
  validation,
  compatibility: idle("schema 1 manifests are kept as they came, and never signed"),
  policy,
  catalog: idle("pages of the catalog have at most a thousand names"),
  experimental: idle("no feature hides behind it"),
  ...ours,
});

export type ConfigValues = Read<typeof schema>;
export type StorageExtras = Read<typeof storageExtras>;
