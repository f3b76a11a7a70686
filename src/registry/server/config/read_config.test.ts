import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { scratch } from "../../../../test/suites/scratch.ts";
import { Failure } from "../../../errors.ts";
import { readConfig, type ServerConfig } from "./read_config.ts";

interface Given {
  readonly yaml?: string;
  readonly environment?: Readonly<Record<string, string>>;
  readonly overrides?: Readonly<Record<string, unknown>>;
}

/** The file is `registry.yml` in messages: the directory before it is cut off. */
async function read({ yaml, environment = {}, overrides = {} }: Given) {
  using held = scratch("config");
  const directory = held.path;
  const file = join(directory, "registry.yml");
  if (yaml !== undefined) writeFileSync(file, yaml);
  const options = { environment, overrides, file: yaml === undefined ? undefined : file };
  try {
    const config = await readConfig(options);
    return { ...config, warnings: config.warnings.map((text) => text.replaceAll(`${directory}/`, "")) };
  } catch (error) {
    const { message, hint } = error as Failure;
    const all = hint === undefined ? message : `${message}\n${hint}`;
    throw new Error(all.replaceAll(`${directory}/`, ""), { cause: error });
  }
}

const minimal = "version: 0.1\nstorage: inmemory\n";

/** Every section that distribution's documentation lists, with one storage driver. */
const everything = `
version: 0.1
log:
  accesslog: {disabled: true}
  level: debug
  formatter: json
  fields: {service: registry, environment: staging}
  hooks:
    - type: mail
      disabled: true
      levels: [panic]
      options: {smtp: {addr: mail.example.com:25, username: u, password: p}, from: a@example.com, to: [b@example.com]}
loglevel: debug
storage:
  s3:
    accesskey: key
    secretkey: secret
    region: us-west-1
    bucket: layers
    v4auth: true
    chunksize: 5242880
  delete: {enabled: true}
  redirect: {disable: false}
  cache: {blobdescriptor: redis, blobdescriptorsize: 10000}
  maintenance:
    uploadpurging: {enabled: true, age: 168h, interval: 24h, dryrun: false}
    readonly: {enabled: false}
auth:
  token: {autoredirect: true, realm: token-realm, service: token-service, issuer: registry-token-issuer, rootcertbundle: /root/certs/bundle}
middleware:
  storage: [{name: cloudfront, options: {baseurl: https://my.cloudfronted.domain.com/}}]
reporting:
  bugsnag: {apikey: key}
http:
  addr: localhost:5000
  prefix: /my/nested/registry/
  host: https://myregistryaddress.org:5000
  secret: asecretforlocaldevelopment
  relativeurls: false
  draintimeout: 60s
  tls:
    certificate: /path/to/x509/public
    key: /path/to/x509/private
    clientcas: [/path/to/ca.pem, /path/to/another/ca.pem]
  debug:
    addr: localhost:5001
    prometheus: {enabled: true, path: /metrics}
  headers: {X-Content-Type-Options: [nosniff]}
  http2: {disabled: false}
notifications:
  events: {includereferences: true}
  endpoints:
    - name: alistener
      disabled: false
      url: https://my.listener.com/event
      headers: {Authorization: [Bearer token]}
      timeout: 1s
      threshold: 10
      backoff: 1s
      ignoredmediatypes: [application/octet-stream]
      ignore: {mediatypes: [application/octet-stream], actions: [pull]}
redis: {addr: localhost:6379, db: 0, pool: {maxidle: 16}}
health:
  storagedriver: {enabled: true, interval: 10s, threshold: 3}
  file: [{file: /path/to/checked/file, interval: 10s}]
  http:
    - {uri: http://server.to.check/must/return/200, headers: {Authorization: [Basic x]}, statuscode: 200, timeout: 3s, interval: 10s, threshold: 3}
  tcp: [{addr: redis-server.domain.com:6379, timeout: 3s, interval: 10s, threshold: 3}]
compatibility:
  schema1: {signingkeyfile: /etc/registry/key.json, enabled: true}
validation:
  manifests:
    urls: {allow: ['^https?://([^/]+\\.)*example\\.com/'], deny: ['^https?://www\\.example\\.com/']}
`;

test("distribution's file is taken as it is", async () => {
  const config = await read({ yaml: everything });
  assert.equal(config.storage.driver, "s3");
  assert.equal(config.storage.parameters["chunksize"], 5_242_880);
  assert.equal(config.storage.delete.enabled, true);
  assert.deepEqual(config.http.addr, { host: "localhost", port: 5000 });
  assert.equal(config.http.draintimeout, 60_000);
  assert.equal(config.http.prefix, "/my/nested/registry/");
  assert.deepEqual(config.http.headers, { "X-Content-Type-Options": ["nosniff"] });
  assert.deepEqual(config.http.debug, {
    addr: { host: "localhost", port: 5001 },
    prometheus: { enabled: true, path: "/metrics" },
  });
  assert.deepEqual(config.notifications.endpoints[0]?.headers, { Authorization: ["Bearer token"] });
  assert.equal(config.health.tcp[0]?.timeout, 3000);
  assert.deepEqual(
    config.warnings.map((warning) => warning.split(": ").slice(0, 2).join(": ")),
    [
      "registry.yml:8: log.hooks",
      "registry.yml:30: middleware",
      "registry.yml:32: reporting",
      "registry.yml:62: redis",
      "registry.yml:69: compatibility",
      "registry.yml:51: notifications.events.includereferences",
    ],
  );
});

const wrong: readonly (readonly [string, string])[] = [
  ["version: 0.2\nstorage: inmemory\n", "registry.yml:1: version: expected 0.1, found 0.2"],
  [`${minimal}htpp:\n  addr: :5000\n`, "registry.yml:3: htpp: unknown key, did you mean http?"],
  [`${minimal}http:\n  adr: :5000\n`, "registry.yml:4: http.adr: unknown key, did you mean addr?"],
  [
    `${minimal}http:\n\n  addr: 5000\n`,
    "registry.yml:5: http.addr: expected HOST:PORT, such as :5000 or 127.0.0.1:5000, found 5000",
  ],
  [
    `${minimal}http:\n  addr: :70000\n`,
    'registry.yml:4: http.addr: expected HOST:PORT, such as :5000 or 127.0.0.1:5000, found ":70000"',
  ],
  [
    `${minimal}http: {draintimeout: 60}\n`,
    "registry.yml:3: http.draintimeout: expected a time such as 500ms, 30s, 1m30s or 168h, found 60",
  ],
  [`${minimal}http: [1]\n`, "registry.yml:3: http: expected a map, found a list"],
  [
    `${minimal}http: {tls: {certificate: c.pem}}\n`,
    "registry.yml:3: http.tls: certificate and key go together",
  ],
  [
    "version: 0.1\nstorage:\n  filesystem: {rootdirectory: /x}\n  s3: {bucket: b}\n",
    "registry.yml:2: storage: expected exactly one storage driver, found filesystem and s3",
  ],
  [
    `${minimal}proxy: {remoteurl: "x.example"}\n`,
    "registry.yml:3: proxy.remoteurl: expected an http or https URL such as https://registry.example",
  ],
  ["version: 0.1\n", "registry.yml:1: storage: expected exactly one storage driver, found none"],
  [
    `${minimal}notifications:\n  endpoints:\n    - name: a\n    - name: b\n      url: ftp://x\n`,
    'registry.yml:7: notifications.endpoints.1.url: expected an http or https URL, found "ftp://x"\n' +
      "registry.yml:5: notifications.endpoints.0.url: is missing\n" +
      "registry.yml:7: notifications.endpoints.1.url: is missing",
  ],
  ["version: 0.1\nstorage: inmemory\nstorage: s3\n", "registry.yml:3:1: Map keys must be unique"],
  [
    "a: [1\n",
    "registry.yml:2:1: Flow sequence in block collection must be sufficiently indented and end with a ]",
  ],
  [
    `${minimal}log: {level: loud, formatter: xml}\n`,
    'registry.yml:3: log.level: expected one of error, warn, info, debug, found "loud"\n' +
      'registry.yml:3: log.formatter: expected one of text, json, logstash, found "xml"',
  ],
];

for (const [yaml, message] of wrong) {
  test(`a configuration is refused: ${message.split("\n")[0]}`, async () => {
    await assert.rejects(read({ yaml }), { message });
  });
}

test("aliases cannot be made to fill the memory", async () => {
  const levels = Array.from(
    { length: 12 },
    (_, index) => `a${index + 1}: &a${index + 1} [${Array(9).fill(`*a${index}`).join(", ")}]`,
  );
  await assert.rejects(read({ yaml: `a0: &a0 x\n${levels.join("\n")}\n` }), /Excessive alias count/);
});

const variables: readonly (readonly [string, Given, (config: ServerConfig) => unknown, unknown])[] = [
  [
    "a value",
    { yaml: minimal, environment: { REGISTRY_HTTP_ADDR: "0.0.0.0:80" } },
    (config) => config.http.addr,
    { host: "0.0.0.0", port: 80 },
  ],
  [
    "a parameter of the storage",
    {
      yaml: "version: 0.1\nstorage: {filesystem: {rootdirectory: /a}}\n",
      environment: { REGISTRY_STORAGE_FILESYSTEM_ROOTDIRECTORY: "/b" },
    },
    (config) => config.storage.parameters,
    { rootdirectory: "/b" },
  ],
  [
    "another storage, by a name alone and then its parameters",
    {
      yaml: "version: 0.1\nstorage: {filesystem: {rootdirectory: /a}, delete: {enabled: true}}\n",
      environment: { REGISTRY_STORAGE_S3_BUCKET: "b", REGISTRY_STORAGE: "s3" },
    },
    ({ storage }) => [storage.driver, storage.parameters, storage.delete.enabled],
    ["s3", { bucket: "b" }, false],
  ],
  [
    "auth by its name and its parts",
    {
      yaml: minimal,
      environment: {
        REGISTRY_AUTH: "htpasswd",
        REGISTRY_AUTH_HTPASSWD_REALM: "r",
        REGISTRY_AUTH_HTPASSWD_PATH: "/p",
      },
    },
    (config) => config.auth,
    { htpasswd: { realm: "r", path: "/p" } },
  ],
  [
    "a key that the file spells with capitals",
    {
      yaml: `${minimal}http: {headers: {XDemo: [a]}}\n`,
      environment: { REGISTRY_HTTP_HEADERS_XDEMO: "[b, c]" },
    },
    (config) => config.http.headers,
    { XDemo: ["b", "c"] },
  ],
  [
    "an element of a list",
    {
      yaml: `${minimal}notifications: {endpoints: [{name: a, url: "http://a.example"}]}\n`,
      environment: { REGISTRY_NOTIFICATIONS_ENDPOINTS_0_URL: "http://b.example" },
    },
    ({ notifications }) => notifications.endpoints.map(({ name, url }) => [name, url]),
    [["a", "http://b.example"]],
  ],
  [
    "no key: that is what Kubernetes does for a service named registry",
    { yaml: minimal, environment: { REGISTRY_PORT: "tcp://10.0.0.1:5000", REGISTRY_HTPP_ADDR: ":1" } },
    (config) => config.warnings,
    ["REGISTRY_HTPP_ADDR is ignored: there is no key htpp", "REGISTRY_PORT is ignored: there is no key port"],
  ],
  [
    "less than a flag",
    {
      yaml: minimal,
      environment: { REGISTRY_HTTP_ADDR: ":1" },
      overrides: { http: { addr: ":2" } },
    },
    (config) => config.http.addr.port,
    2,
  ],
];

for (const [what, given, pick, value] of variables) {
  test(`the environment gives ${what}`, async () => {
    assert.deepEqual(pick(await read(given)), value);
  });
}

test("a wrong value of the environment is told by the variable's name", async () => {
  await assert.rejects(read({ yaml: minimal, environment: { REGISTRY_HTTP_ADDR: "x" } }), {
    message: 'REGISTRY_HTTP_ADDR: http.addr: expected HOST:PORT, such as :5000 or 127.0.0.1:5000, found "x"',
  });
});

test("what the parts of the server find wrong has its place, too", async () => {
  const config = await read({ yaml: `${minimal}auth:\n  htpasswd:\n    realm: r\n    path: /none\n` });
  const act = () => Promise.reject(new Failure("not-found", "auth.htpasswd.path: no such file"));
  await assert.rejects(config.located(act), /registry\.yml:6: auth\.htpasswd\.path: no such file$/);
});
