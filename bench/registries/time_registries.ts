/** varve's registry and docker-registry on one tree: large blobs, manifests, pulls, and how they grow. */
import { execFileSync } from "node:child_process";
import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { mediaTypes, type Digest } from "../../src/oci/index.ts";
import { inTurn } from "../compare.ts";
import { expect, publish } from "../images/publish.ts";
import type { ImageRecipe } from "../images/recipe.ts";
import type { DiskMaker } from "../measure/disk.ts";
import type { VarveCommand } from "../peers/varve.ts";
import { registryKinds, startServer, type Measured, type RegistryServer } from "./registry_server.ts";
import { getBlobs, getManifests, patchBlob, putBlob } from "./requests.ts";
import { alterBlob, makeBlob, type SampleBlob } from "./sample_blob.ts";
import { timeGrowth, type Growth } from "./time_growth.ts";

export interface RegistryOptions {
  readonly varve: VarveCommand;
  /** To be pulled. */
  readonly image: ImageRecipe;
  readonly quick: boolean;
  readonly rounds: number;
  readonly disks: DiskMaker;
  readonly signal: AbortSignal;
  readonly note: (text: string) => void;
}

/** What one phase moves, for rates. */
export interface PhaseWork {
  readonly bytes?: number;
  readonly requests?: number;
}

export interface RegistryTimes {
  readonly servers: readonly { readonly name: string; readonly version: string }[];
  readonly image: string;
  /** By phase and server, of each round. */
  readonly phases: Readonly<Record<string, PhaseWork & { readonly by: Record<string, Measured[]> }>>;
  readonly growth: Growth;
}

const manyClients = 8;
const connections = 32;

interface Phase extends PhaseWork {
  readonly name: string;
  /** Before each turn, not measured. */
  prepare?(): Promise<void>;
  act(server: RegistryServer): Promise<void>;
  /** After each turn. */
  cleanUp?(): void;
}

/** Both run all the time, on the same tree; in each phase one after the other, so that both find the same in the page cache. */
export async function timeRegistries(options: RegistryOptions): Promise<RegistryTimes> {
  const { varve, disks, signal, quick, rounds, note, image } = options;
  using disk = disks.make();
  const work = disk.directory;
  const root = join(work, "tree");
  mkdirSync(root);
  const kinds = registryKinds(varve);
  const phases: Record<string, PhaseWork & { by: Record<string, Measured[]> }> = {};
  {
    await using all = new AsyncDisposableStack();
    const servers: RegistryServer[] = [];
    for (const kind of kinds) servers.push(all.use(await startServer(kind, { root, work, signal })));
    for (const phase of await phasesOf(servers[0] as RegistryServer, { ...options, work, root })) {
      const { name, bytes, requests } = phase;
      const by: Record<string, Measured[]> = {};
      phases[name] = { ...(bytes && { bytes }), ...(requests && { requests }), by };
      for (let round = 0; round < rounds; round++) {
        for (const server of inTurn(servers, round)) {
          const measured = await measurePhase(phase, server);
          note(`round ${round + 1}  ${name}  ${server.name} ${measured.seconds.toFixed(2)} s`);
          (by[server.name] ??= []).push(measured);
        }
      }
    }
  }
  const sizes = quick ? [10, 100] : [10, 1000, 10_000];
  note(`repositories: ${sizes.join(", ")}`);
  const growth = await timeGrowth({ kinds, sizes, rounds, work, signal });
  return {
    servers: kinds.map(({ name, version }) => ({ name, version })),
    image: image.title,
    phases,
    growth,
  };
}

async function measurePhase(phase: Phase, server: RegistryServer): Promise<Measured> {
  await phase.prepare?.();
  // What an earlier turn left to be written is not this one's.
  execFileSync("sync");
  const measured = await server.measure(() => phase.act(server));
  phase.cleanUp?.();
  return measured;
}

interface PhaseOptions extends RegistryOptions {
  readonly root: string;
  readonly work: string;
}

async function phasesOf(first: RegistryServer, options: PhaseOptions): Promise<Phase[]> {
  const { image, quick, work } = options;
  const size = (quick ? 64 : 1024) * 2 ** 20;
  const blob = await makeBlob(join(work, "blob"), size);
  await putBlob(`${first.origin}/v2/bench/blob`, blob, options);
  const title = `${size / 2 ** 20} MiB`;
  const getting = (clients: number): Phase => ({
    name: `GET of ${title}, ${clients} client${clients === 1 ? "" : "s"}`,
    bytes: size * clients,
    act: ({ origin }) => getBlobs([`${origin}/v2/bench/blob/blobs/${blob.digest}`], clients, options),
  });
  const requests = quick ? 500 : 10_000;
  const reference = await publish(new URL(first.origin).host, image, work);
  const [, repository = "", tag = ""] = /^[^/]+\/(.+):(.+)$/.exec(reference) ?? [];
  const pulled = await imageOf(`${first.origin}/v2/${repository}`, tag);
  return [
    getting(1),
    getting(manyClients),
    pushing(`PUT of ${title}`, blob, putBlob, options),
    pushing(`PATCH of ${title}`, blob, patchBlob, options),
    {
      name: `GET of a manifest, ${connections} connections`,
      requests,
      act: ({ origin }) =>
        getManifests(`${origin}/v2/${repository}/manifests/${tag}`, { requests, connections }, options),
    },
    {
      name: `pull by ${manyClients} clients at once`,
      bytes: pulled.bytes * manyClients,
      act: ({ origin }) =>
        getBlobs(
          pulled.paths.map((path) => `${origin}/v2/${repository}/${path}`),
          manyClients,
          options,
        ),
    },
  ];
}

/** Each turn pushes other bytes, and they are removed after it. */
function pushing(name: string, from: SampleBlob, push: typeof putBlob, options: PhaseOptions): Phase {
  let blob = from;
  return {
    name,
    bytes: from.size,
    prepare: async () => void (blob = await alterBlob(blob)),
    act: ({ origin }) => push(`${origin}/v2/bench/pushed`, blob, options),
    cleanUp: () => {
      const hex = blob.digest.slice("sha256:".length);
      const tree = join(options.root, "docker/registry/v2");
      rmSync(join(tree, "blobs/sha256", hex.slice(0, 2), hex), { recursive: true });
      rmSync(join(tree, "repositories/bench/pushed"), { recursive: true });
    },
  };
}

/** What a pull fetches: the manifest by its tag, the config, the layers. */
async function imageOf(repository: string, tag: string) {
  const manifest = `manifests/${tag}`;
  const headers = { Accept: mediaTypes.dockerManifest };
  const text = await (await expect(await fetch(`${repository}/${manifest}`, { headers }))).text();
  const { config, layers } = JSON.parse(text) as { config: Descriptor; layers: Descriptor[] };
  const blobs = [config, ...layers];
  return {
    paths: [manifest, ...blobs.map(({ digest }) => `blobs/${digest}`)],
    bytes: blobs.reduce((sum, { size }) => sum + size, text.length),
  };
}

interface Descriptor {
  readonly digest: Digest;
  readonly size: number;
}
