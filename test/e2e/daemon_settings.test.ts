/** One `daemon.json` for varve's daemon and for dockerd: what it makes of networks, containers and answers. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { dockerdSkip } from "../suites/dockerd.ts";
import { unlessBridges } from "../suites/network_fixture.ts";
import { privateHost, type EngineName } from "./private_host.ts";
import { runSkip, unless } from "./support.ts";

const init = "/usr/bin/tini-static";
const skip = runSkip || unlessBridges || unless("docker", "nsenter", "curl", "tini-static");

const settings = {
  bip: "10.61.0.1/24",
  "default-gateway": "10.61.0.9",
  ipv6: true,
  "fixed-cidr-v6": "fd00:61::/64",
  "default-gateway-v6": "fd00:61::5",
  "ip-masq": false,
  "host-gateway-ip": "192.0.2.9",
  "userland-proxy": false,
  "init-path": init,
  experimental: true,
  features: { buildkit: false },
  "exec-opts": ["native.cgroupdriver=cgroupfs"],
};

const inside = [
  "ip route | grep default",
  "ip -6 route | grep default",
  "ip -o addr show dev eth0 | grep -c 'inet6 fd00:61:'",
  "grep me /etc/hosts",
  "cat /proc/1/comm",
];

const lines = [
  "docker network inspect -f '{{.EnableIPv6}} {{json .IPAM.Config}} {{json .Options}}' bridge | sed s/varve0/docker0/",
  `docker run --rm --init --add-host me:host-gateway base:1 sh -c '${inside.join("; ").replaceAll("'", '"')}'`,
  "docker run --rm --network host --add-host me:host-gateway base:1 grep me /etc/hosts",
  "docker run --rm --network none --add-host me:host-gateway base:1 grep me /etc/hosts",
  "docker create --name made --add-host me:host-gateway base:1 true >/dev/null",
  "docker inspect -f '{{.HostConfig.ExtraHosts}} {{.HostConfig.Init}}' made",
  "docker run -d --name ports -p 8080:80 base:1 sleep 100 >/dev/null; docker port ports",
  "docker info -f '{{.InitBinary}} {{.ExperimentalBuild}} {{.CgroupDriver}}'",
  "docker version -f '{{.Server.Experimental}}'",
  "curl -s --unix-socket ${DOCKER_HOST#unix://} -D - -o /dev/null http://docker/_ping | grep -E '^(Builder|Docker-Exp)' | sort",
];

async function shown(engine: EngineName): Promise<string[]> {
  await using host = await privateHost(engine, settings);
  assert.equal((await host.sh("docker import base.tar base:1")).code, 0);
  const all: string[] = [];
  for (const line of lines) {
    const { code, stdout, stderr } = await host.sh(line);
    all.push(`$ ${line}\n${stdout}${stderr}= ${code}`);
  }
  const warnings = host.said.filter((line) => /changes nothing/.test(line));
  return engine === "varve" ? [...all, ...warnings] : all;
}

test("settings mean what they mean to dockerd", { skip, timeout: 180_000 }, async () => {
  const [ours, theirs] = await Promise.all([
    shown("varve"),
    dockerdSkip === false ? shown("dockerd") : undefined,
  ]);
  const [, run = ""] = ours;
  assert.match(
    run,
    /\ndefault via 10\.61\.0\.9 dev eth0 ?\ndefault via fd00:61::5 dev eth0.*\n1\n192\.0\.2\.9\tme\n/,
  );
  assert.match(run, /\ndocker-init\n= 0$/);
  assert.deepEqual(ours, theirs ?? ours);
});
