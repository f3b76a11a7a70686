/** The units of `varve daemon install` under systemd itself, with the docker command as the client. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate } from "node:timers/promises";
import { bootedMachine, cannotBoot } from "../support/booted_machine.ts";
import { cannotLive, importBase } from "../support/live_machine.ts";
import { openEngine } from "../../src/engine/index.ts";
import { unlessAll } from "../suites/scratch.ts";
import { bundle } from "./support.ts";

test(
  "under systemd: started by its first client, replaced under running containers, back after a loss of power",
  { skip: unlessAll || cannotLive || cannotBoot, timeout: 300_000 },
  async () => {
    await using machine = await bootedMachine();
    const { run, code } = machine;
    await importBase({ engine: await openEngine({ root: machine.data, driver: "overlay2" }) });
    const varve = (...words: string[]): string =>
      run(process.execPath, bundle, "--root", machine.data, ...words);
    const docker = (...words: string[]): string => run("docker", "-H", "unix:///run/varve.sock", ...words);
    const running = (name: string): string =>
      docker(
        "inspect",
        "-f",
        "{{.State.Status}} {{.State.Pid}} {{.State.StartedAt}} {{.RestartCount}}",
        name,
      );

    varve("daemon", "install", "--group", "docker");
    run("systemctl", "daemon-reload");
    run("systemctl", "enable", "--now", "varve.socket");
    assert.equal(run("stat", "-c", "%A %G", "/run/varve.sock"), "srw-rw---- docker");
    assert.equal(code("systemctl", "is-active", "varve.service"), 3, "nobody has asked yet");
    assert.equal(docker("images", "-q").split("\n").length, 1);
    assert.equal(run("systemctl", "is-active", "varve.service"), "active");

    const script = "trap 'exit 0' TERM; while :; do sleep 1; done";
    const start = (name: string, restart: string): string =>
      docker(
        "run",
        "-d",
        "--name",
        name,
        "--network",
        "none",
        "--restart",
        restart,
        "base:1",
        "sh",
        "-c",
        script,
      );
    start("kept", "always");
    start("let", "no");
    const before = running("kept");
    const daemon = (): string => run("systemctl", "show", "-p", "MainPID", "--value", "varve.service");
    const first = daemon();
    run("systemctl", "restart", "varve.service");
    assert.equal(running("kept"), before, "it runs on while its daemon is replaced");
    const second = daemon();
    assert.notEqual(second, first);
    run("systemctl", "reload", "varve.service");
    assert.equal(daemon(), second);
    run("kill", "-9", second);
    assert.equal(running("kept"), before, "and when it is killed");
    run("systemctl", "stop", "varve.service");
    assert.equal(running("kept"), before, "and the socket starts it again");

    run("systemctl", "enable", "varve.service");
    await machine.restart();
    assert.equal(run("systemctl", "is-active", "varve.service"), "active");
    while (!running("kept").startsWith("running ")) await setImmediate();
    assert.notEqual(running("kept"), before);
    assert.match(running("let"), /^exited /);
    docker("rm", "-f", "kept", "let");

    run("systemctl", "disable", "--now", "varve.socket", "varve.service");
    varve("daemon", "uninstall");
    run("systemctl", "daemon-reload");
    assert.equal(code("systemctl", "cat", "varve.service"), 1);
  },
);
