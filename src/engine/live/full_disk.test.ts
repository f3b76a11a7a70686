/** Containers on a disk that is full. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { readdirSync, statfsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { test } from "node:test";
import { makeContainer, once as single, signal } from "../../../test/support/engine_fixture.ts";
import { cannotLive, endAll, importBase } from "../../../test/support/live_machine.ts";
import { tarFile, tarOf } from "../../../test/support/tar_help.ts";
import { scratch } from "../../../test/suites/scratch.ts";
import { SmallDisk } from "../../../test/suites/small_disk.ts";
import { mountInfo } from "../../sys/index.ts";
import { openEngine } from "../engine.ts";
import { LiveContainers } from "./live_containers.ts";

test(
  "a full disk ends logs, not containers; nothing can be started, everything be removed",
  { skip: cannotLive },
  async () => {
    using directory = scratch("full");
    const root = join(directory.path, "root");
    using disk = new SmallDisk(root, 64 << 20);
    using ending = { [Symbol.dispose]: () => endAll(root) };
    const engine = await openEngine({ root, driver: "overlay2" });
    const image = await importBase({ engine });
    const warnings: string[] = [];
    await using live = new LiveContainers({
      store: engine.store,
      warn: (text) => void warnings.push(text),
    });
    const create = (script: string) =>
      makeContainer({ engine, root, [Symbol.dispose]: () => undefined }, image, {
        config: { Cmd: ["sh", "-c", script], OpenStdin: true },
      });
    const { ID: chatty } = await create("while read -r line; do echo $line; done; exit 4");
    const { ID: other } = await create("true");
    await live.start(chatty);
    const { ID: brief } = await create("read -r line; exit 4");
    await live.start(brief);
    const say = (text: string, to = chatty): void =>
      writeFileSync(join(root, "varve/run", to, "stdin"), text);
    const stdout = new PassThrough();
    await live.attach(chatty, { stdin: undefined, stdout, stderr: undefined });
    say("heard\n");
    assert.equal(String((await once(stdout, "data"))[0]), "heard\n");
    fill(root);
    say("unheard\n");
    assert.equal(String((await once(stdout, "data"))[0]), "unheard\n");
    assert.equal((await live.find(chatty)).State.Running, true);
    const full = /no space left on device|ENOSPC/;
    await assert.rejects(live.start(other), full);
    assert.equal((await live.find(other)).State.Running, false);
    // runc's own, which goes with the run.
    const entries = () =>
      readdirSync(root, { recursive: true }).filter((name) => !String(name).endsWith(".pid"));
    const before = entries().sort();
    await assert.rejects(create("true"), full);
    await assert.rejects(engine.containers.commit(chatty, { signal }), full);
    const exec = await live.execs.create(chatty, { Cmd: ["true"] });
    await assert.rejects(live.execs.start(exec, {}), /^Failure: OCI runtime exec failed: /);
    assert.equal(live.execs.inspect(exec).Running, false);
    assert.deepEqual(entries().sort(), before);
    const tar = tarOf([tarFile({ path: "f" }, Buffer.alloc(1 << 20, "x"))]);
    await assert.rejects(engine.containers.writeArchive(chatty, "/tmp", single(tar), { signal }), full);
    const { Running, Paused } = (await live.find(chatty)).State;
    assert.deepEqual([Running, Paused], [true, false]);
    const exit = live.wait(brief, "not-running", signal);
    say("end\n", brief);
    assert.equal((await exit).exitCode, 4);
    assert.equal((await live.find(brief)).State.Running, false);
    for (const id of [other, brief]) await live.remove(id);
    await live.remove(chatty, { force: true });
    assert.deepEqual(readdirSync(join(root, "containers")), []);
    assert.deepEqual(readdirSync(join(root, "varve/run")), []);
    assert.deepEqual(
      mountInfo().filter(({ mountPoint }) => mountPoint.startsWith(`${root}/`)),
      [],
    );
    void [disk, ending];
  },
);

/** To the last block. */
function fill(root: string): void {
  const { bfree, bsize } = statfsSync(root);
  writeFileSync(join(root, "filler"), Buffer.alloc(bfree * bsize));
}
