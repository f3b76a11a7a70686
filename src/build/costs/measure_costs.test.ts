import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { overlaySkip } from "../../../test/suites/overlay_skip.ts";
import { scratch, unlessLinux } from "../../../test/suites/scratch.ts";
import {
  directory,
  file,
  gone,
  imageOf,
  recordsOf,
  tarEntry,
  type GivenStep,
} from "../../../test/support/cost_help.ts";
import type { DriverName } from "../../driver/index.ts";
import { sizeOf } from "../../image/index.ts";
import { openStore, type Store } from "../../store/index.ts";
import type { PackedEntry } from "../../tar/index.ts";
import { measureCosts } from "./measure_costs.ts";
import type { LineCost } from "./types.ts";

const live = { signal: new AbortController().signal };

function onEachDriver(title: string, body: (store: Store) => Promise<void>): void {
  const skips = { vfs: unlessLinux, overlay2: overlaySkip, erofs: unlessLinux };
  for (const driver of Object.keys(skips) as DriverName[]) {
    test(`${driver}: ${title}`, { skip: skips[driver] }, async () => {
      using dir = scratch("costs");
      await body(await openStore({ root: join(dir.path, "root"), driver }));
    });
  }
}

async function costsOf(
  store: Store,
  layers: readonly (readonly PackedEntry[])[],
  steps: readonly GivenStep[],
  names?: readonly string[],
): Promise<LineCost[]> {
  const image = await imageOf(store, layers);
  return measureCosts(store, { image, steps: await recordsOf(store, image, steps, names) }, live);
}

const amounts = (costs: readonly LineCost[]): string[] =>
  costs.map(({ line, added, copied, hidden, diffId }) =>
    [line, added, copied, hidden, diffId === undefined ? "-" : "layer"]
      .map((value) => (typeof value === "object" ? `${value.bytes}/${value.files}` : value))
      .join(" "),
  );

const hides = ({ hides: groups }: LineCost): string[] =>
  groups
    .map(
      ({ how, line, cache, bytes, files, examples }) =>
        `${how} ${line ?? "base"} ${bytes}/${files} ${[...examples].sort().join(",")}${cache === undefined ? "" : ` (${cache})`}`,
    )
    .sort();

const base: readonly PackedEntry[] = [
  directory("bin"),
  file("bin/tool", "t".repeat(5000), { mode: 0o755 }),
  directory("etc"),
  file("etc/profile", "p".repeat(547)),
  file("etc/motd", "hello"),
  tarEntry("etc/link", "symlink", { linkPath: "profile", mode: 0o777 }),
  directory("srv"),
  file("srv/one", "1".repeat(300)),
  tarEntry("srv/two", "hardlink", { linkPath: "srv/one" }),
];

onEachDriver("B080 bytes added, copied by chmod, chown and touch, and hidden", async (store) => {
  const costs = await costsOf(
    store,
    [
      base,
      [
        directory("app"),
        file("app/big", "x".repeat(3_000_000)),
        file("app/small", "ab"),
        file("app/empty", ""),
      ],
      [directory("app"), file("app/big", "x".repeat(3_000_000), { mode: 0o600 }), file("app/small", "cd")],
      [directory("bin"), file("bin/tool", "t".repeat(5000), { uid: 7 }), directory("etc"), gone("etc/motd")],
      [directory("app"), gone("app/big"), file("app/new", "123", {}), directory("etc"), gone("etc/link")],
    ],
    [
      [1, "FROM base"],
      [2, "COPY app /app", 1],
      [3, "ENV A=1"],
      [4, "RUN chmod 600 /app/big", 2],
      [6, "RUN chown 7 /bin/tool", 3],
      [7, "RUN rm /app/big", 4],
    ],
  );
  assert.deepEqual(amounts(costs), [
    `1 ${costs[0]?.added.bytes}/0 0/0 0/0 -`,
    "2 3000002/3 0/0 0/0 layer",
    "3 0/0 0/0 0/0 -",
    "4 2/1 3000000/1 3000002/2 layer",
    "6 0/0 5000/1 5005/2 layer",
    "7 3/1 0/0 3000007/2 layer",
  ]);
  assert.deepEqual(costs.map(hides), [
    [],
    [],
    [],
    ["copied 2 3000000/1 app/big", "overwritten 2 2/1 app/small"],
    ["copied base 5000/1 bin/tool", "deleted base 5/1 etc/motd"],
    ["deleted 4 3000000/1 app/big", "deleted base 7/1 etc/link"],
  ]);
});

onEachDriver("directories that go, are opaque, or become something else", async (store) => {
  const costs = await costsOf(
    store,
    [
      base,
      [
        directory("d"),
        directory("d/sub"),
        file("d/sub/a", "aaa"),
        file("d/b", "bb"),
        directory("e"),
        file("e/f", "ffff"),
        directory("g"),
        file("g/h", "12345"),
      ],
      [
        gone("d"),
        directory("e"),
        tarEntry("e/.wh..wh..opq", "file", {}, ""),
        file("e/f", "ffff"),
        gone("g"),
        tarEntry("h", "symlink", { linkPath: "e" }),
      ],
      [
        directory("e"),
        gone("e/f"),
        directory("e/f2"),
        file("e/f2/x", "x"),
        directory("srv"),
        gone("srv/one"),
      ],
      [directory("srv"), gone("srv/two"), gone("nothing")],
    ],
    [
      [1, "FROM base"],
      [2, "COPY . /", 1],
      [3, "RUN a", 2],
      [4, "RUN b", 3],
      [5, "RUN c", 4],
    ],
  );
  assert.deepEqual(amounts(costs).slice(1), [
    "2 14/4 0/0 0/0 layer",
    "3 1/1 4/1 14/4 layer",
    "4 1/1 0/0 4/2 layer",
    "5 0/0 0/0 300/1 layer",
  ]);
  assert.deepEqual(costs.slice(2).map(hides), [
    ["copied 2 4/1 e/f", "deleted 2 10/3 d/b,d/sub/a,g/h"],
    ["deleted 3 4/1 e/f", "deleted base 0/1 srv/one"],
    ["deleted base 300/1 srv/two"],
  ]);
});

onEachDriver("B080 package caches are found in the layer that has them", async (store) => {
  const costs = await costsOf(
    store,
    [
      [file("var/lib/apt/lists/base", "b")],
      [
        directory("usr"),
        file("usr/emacs", "e".repeat(100)),
        file("var/lib/apt/lists/deb.example_Packages", "l".repeat(900)),
        file("var/lib/apt/lists/lock", ""),
        file("var/cache/apt/archives/emacs.deb", "d".repeat(70)),
        file("root/.npm/_cacache/content-v2/x", "n"),
      ],
      [directory("var/lib/apt/lists"), gone("var/lib/apt/lists/deb.example_Packages")],
    ],
    [
      [1, "FROM base"],
      [2, "RUN apt-get install", 1],
      [3, "RUN rm", 2],
    ],
  );
  assert.deepEqual(
    costs.map(({ caches }) => caches.map(({ cache, bytes, files }) => `${cache} ${bytes}/${files}`).sort()),
    [[], ["apt archives 70/1", "apt lists 900/1", "npm 1/1"], []],
  );
  assert.deepEqual(hides(costs[2] as LineCost), [
    "deleted 2 900/1 var/lib/apt/lists/deb.example_Packages (apt lists)",
  ]);
});

onEachDriver("stages on which the wanted one stands are counted, others not", async (store) => {
  const layers = [[file("base", "1")], [file("one", "22")], [file("two", "333")], [file("three", "4444")]];
  const named = await costsOf(
    store,
    layers,
    [
      [1, "FROM debian AS first"],
      [2, "COPY one /", 1],
      [3, "FROM debian AS beside", undefined, 1],
      [4, "COPY one /", 1, 1],
      [5, "FROM --platform=linux/amd64 First AS second", undefined, 2],
      [6, "COPY two /", 2, 2],
      [7, "FROM $WHICH", undefined, 3],
      [8, "COPY three /", 3, 3],
    ],
    ["first", "beside", "second", "3"],
  );
  assert.deepEqual(amounts(named), [
    "1 1/0 0/0 0/0 -",
    "2 2/1 0/0 0/0 layer",
    "5 0/0 0/0 0/0 -",
    "6 3/1 0/0 0/0 layer",
    "7 0/0 0/0 0/0 -",
    "8 4/1 0/0 0/0 layer",
  ]);
});

onEachDriver("a trigger of the base image is counted with its FROM", async (store) => {
  const image = await imageOf(store, [[file("base", "1")], [file("made", "22")]]);
  const [from, run] = await recordsOf(store, image, [
    [3, "FROM base"],
    [1, "RUN make", 1],
  ]);
  const trigger = { ...run!, id: { ...run!.id, step: 1, trigger: { index: 1, count: 1 } } };
  const costs = await measureCosts(store, { image, steps: [from!, trigger] }, live);
  assert.deepEqual(amounts(costs), ["3 1/0 0/0 0/0 -", "3 2/1 0/0 0/0 layer"]);
});

onEachDriver("an image of metadata alone costs nothing, and a cancelled call does nothing", async (store) => {
  const image = await imageOf(store, [base]);
  const steps = await recordsOf(store, image, [
    [1, "FROM base"],
    [2, "ENV A=1"],
  ]);
  const costs = await measureCosts(store, { image, steps }, live);
  assert.deepEqual(amounts(costs), [`1 ${await sizeOf(store, image)}/0 0/0 0/0 -`, "2 0/0 0/0 0/0 -"]);
  assert.deepEqual(await measureCosts(store, { image, steps: [] }, live), []);
  const signal = AbortSignal.abort();
  await assert.rejects(measureCosts(store, { image, steps }, { signal }), { kind: "cancelled" });
});
