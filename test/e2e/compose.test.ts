/** docker-compose brings a project of three services up and down on varve's daemon, as on dockerd. */
import assert from "node:assert/strict";
import * as fs from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { dockerdSkip } from "../suites/dockerd.ts";
import { unlessBridges } from "../suites/network_fixture.ts";
import { unlessAll } from "../suites/scratch.ts";
import { privateHost, type EngineName } from "./private_host.ts";
import { runSkip, unless } from "./support.ts";
import { spend } from "./working_day.ts";

const skip = unlessAll || runSkip || unlessBridges || unless("docker", "docker-compose", "nsenter", "curl");

const project = `
services:
  web:
    build:
      context: web
      args: { NAME: composed }
    image: composed:1
    env_file: web.env
    ports: ["8081:80"]
    networks: [inner]
    volumes: ["./web:/source:ro"]
    depends_on:
      store: { condition: service_healthy }
  store:
    image: base:1
    command: sh -c 'echo kept > /w/i; exec httpd -f -p 80 -h /w'
    volumes: ["data:/w"]
    healthcheck: { test: ["CMD", "wget", "-qO-", "http://127.0.0.1/i"], interval: 500ms, retries: 50 }
    networks: { inner: { aliases: [storage] } }
    restart: unless-stopped
  worker:
    image: base:1
    init: true
    command: sh -c 'echo working; exec sleep 1000'
    stop_grace_period: 0s
    networks: [inner]
networks:
  inner: { driver: bridge, ipam: { config: [{ subnet: 10.99.0.0/24 }] } }
volumes:
  data: { labels: { a: b } }
`;

const dockerfile = `FROM base:1
ARG NAME
RUN mkdir /www; echo $NAME > /www/i
CMD ["sh", "-c", "wget -qO /www/stored http://storage/i; exec httpd -f -p 80 -h /www"]
`;

const lines = [
  "docker import base.tar base:1 > id; docker-compose config -q",
  "docker-compose --ansi never build -q; docker images --format '{{.Repository}}:{{.Tag}}' | sort",
  "docker-compose --ansi never up -d 2>&1 | tr -s ' ' | sort",
  "docker ps --format '{{.Names}} {{.Image}} {{.Ports}}' | sort; docker-compose ps | sed 1,2d | awk '{print $1, $(NF-1)}'",
  "curl -sS --retry 20 --retry-connrefused http://127.0.0.1:8081/i http://127.0.0.1:8081/stored",
  "docker-compose exec -T web sh -c 'echo $FROM_FILE; ls /source; exit 5'",
  "docker-compose logs --no-color worker; docker-compose port web 80; docker-compose top worker | tail -n 1 | awk '{print $NF}'",
  "docker-compose --ansi never up -d --scale worker=3 2>&1 | grep -o 'worker.*' | sort; docker ps -qf label=com.docker.compose.service=worker | wc -l",
  "docker-compose --ansi never run --rm --no-deps -T worker echo one-off 2>&1 | tail -n 1; docker-compose --ansi never restart -t 0 worker 2>&1 | wc -l",
  "docker-compose --ansi never up -d --force-recreate --no-deps worker 2>&1 | wc -l; docker-compose --ansi never stop -t 0 web 2>&1; docker-compose --ansi never start web 2>&1",
  "docker-compose images -q | wc -l; docker-compose --ansi never pause worker 2>&1; docker-compose --ansi never unpause worker 2>&1",
  "docker-compose --ansi never down -v -t 0 2>&1 | tr -s ' ' | sort; docker ps -aq; docker volume ls -q; docker network ls -q | wc -l",
];

async function dayOf(engine: EngineName): Promise<string[]> {
  await using host = await privateHost(engine);
  const at = (name: string): string => join(host.directory, name);
  fs.mkdirSync(at("web"));
  fs.writeFileSync(at("web/Dockerfile"), dockerfile);
  fs.writeFileSync(at("web.env"), "FROM_FILE=of the file\n");
  fs.writeFileSync(at("docker-compose.yml"), project);
  const shown = await spend(host, lines, "");
  // How wide its columns are depends on what it has thought of by then.
  return shown.map((each) => each.replace(/ +/g, " "));
}

test("three services up and down by docker-compose", { skip, timeout: 300_000 }, async () => {
  const days = [dayOf("varve"), ...(dockerdSkip === false ? [dayOf("dockerd")] : [])];
  const [ours = [], theirs] = await Promise.all(days);
  assert.match(ours[4] ?? "", /\ncomposed\nkept\n= 0$/);
  assert.match(ours.at(-1) ?? "", /\nRemoving volume work_data\n[^]*\n3\n= 0$/);
  for (const [index, line] of (theirs ?? []).entries()) assert.equal(ours[index], line);
});
