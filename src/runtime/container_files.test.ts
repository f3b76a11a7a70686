import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import {
  hostsFile,
  resolvConfFile,
  writeContainerFiles,
  type ContainerFilesOptions,
} from "./container_files.ts";

/** What dockerd 20.10 made of this file, option by option, is below. */
const host = `# comment
domain old.example
search a.example b.example
nameserver 127.0.0.53
nameserver 10.1.1.1
nameserver ::1
nameserver fe80::1%eth0
nameserver 2001:db8::1
options ndots:3 rotate
`;
const local = "# c\nsearch z.example\nnameserver 127.0.0.1\noptions ndots:1\n";
const none = { hostname: "h", hostNetwork: false };
const shared = { hostname: "h", hostNetwork: true };

const cases: [options: ContainerFilesOptions, host: string, expected: string][] = [
  [
    none,
    host,
    "# comment\ndomain old.example\nsearch a.example b.example\nnameserver 10.1.1.1\noptions ndots:3 rotate\n",
  ],
  [shared, host, host],
  [
    { ...shared, dns: ["1.1.1.1"] },
    host,
    "search a.example b.example\nnameserver 1.1.1.1\noptions ndots:3 rotate\n",
  ],
  [
    { ...none, dnsSearch: ["q.r"] },
    host,
    "search q.r\nnameserver 127.0.0.53\nnameserver 10.1.1.1\nnameserver ::1\nnameserver fe80::1%eth0\n" +
      "nameserver 2001:db8::1\noptions ndots:3 rotate\n",
  ],
  [
    { ...none, dns: ["9.9.9.9"], dnsSearch: ["."], dnsOptions: ["x:1"] },
    host,
    "nameserver 9.9.9.9\noptions x:1\n",
  ],
  [none, local, "# c\nsearch z.example\noptions ndots:1\n\nnameserver 8.8.8.8\nnameserver 8.8.4.4\n"],
  [{ ...none, dnsSearch: ["."] }, local, "nameserver 127.0.0.1\noptions ndots:1\n"],
  [none, "", "\nnameserver 8.8.8.8\nnameserver 8.8.4.4\n"],
  [shared, "", ""],
];

test("resolv.conf is what dockerd makes of the host's", () => {
  for (const [options, text, expected] of cases)
    assert.equal(resolvConfFile(options, text), expected, JSON.stringify(options));
});

const own =
  "127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\nfe00::0\tip6-localnet\n" +
  "ff00::0\tip6-mcastprefix\nff02::1\tip6-allnodes\nff02::2\tip6-allrouters\n";

test("hosts is Docker's list, the container's addresses, the added names", () => {
  const extraHosts = [{ name: "a", address: "1.2.3.4" }];
  assert.equal(hostsFile(none, "10.0.0.1 x\n"), own);
  assert.equal(hostsFile({ ...none, extraHosts }, ""), `${own}1.2.3.4\ta\n`);
  assert.equal(
    hostsFile({ ...none, addresses: ["172.17.0.2"], extraHosts }, ""),
    `${own}172.17.0.2\th\n1.2.3.4\ta\n`,
  );
});

test("with the host's network hosts is the host's, unless names are added", () => {
  assert.equal(hostsFile(shared, "10.0.0.1 x\n"), "10.0.0.1 x\n");
  assert.equal(
    hostsFile({ ...shared, extraHosts: [{ name: "a", address: "::2" }] }, "x\n"),
    `${own}::2\ta\n`,
  );
});

test("B027: three files, readable for all, in a directory that is not the image's", async (t) => {
  const directory = mkdtempSync(join(tmpdir(), "varve-files-"));
  t.after(() => rmSync(directory, { recursive: true }));
  writeFileSync(join(directory, "resolv.conf"), "nameserver 10.9.9.9\n");
  const umask = process.umask(0o077);
  t.after(() => process.umask(umask));
  const files = await writeContainerFiles(join(directory, "c"), { ...none, hostEtc: directory });
  assert.deepEqual(
    [files.hosts, files.hostname, files.resolvConf].map((path) => readFileSync(path, "latin1")),
    [own, "h\n", "nameserver 10.9.9.9\n"],
  );
  for (const path of Object.values(files)) assert.equal(statSync(path).mode & 0o777, 0o644, path);
});
