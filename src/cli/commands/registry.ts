/** `varve registry`: the server, and what looks after its storage. */
import { line, command, type App } from "../app.ts";
import type { CareSettings } from "../registry_program.ts";

const where = {
  root: {
    kind: "string",
    type: "string",
    complete: "directory",
    help: "Directory of the data, in distribution's layout",
  },
  config: {
    kind: "string",
    type: "file",
    complete: "file",
    help: "Configuration file, distribution's or with our keys",
  },
} as const;

const section = "Registries";

export const registryServe = command({
  path: ["registry", "serve"],
  usage: "[OPTIONS] [CONFIG]",
  summary: "Serve a registry until SIGTERM",
  details:
    "distribution's configuration file is taken as it is, and so are its variables: REGISTRY_HTTP_ADDR and the like. " +
    "Flags come before variables, and these before the file. SIGHUP reads certificates again. " +
    "With `proxy` in the file repositories are copies of other registries', fetched as they are pulled.",
  examples: [
    { text: "A registry for this machine", command: "varve registry serve --root /var/lib/registry" },
    {
      text: "In the place of docker-registry",
      command: "varve registry serve /etc/docker/registry/config.yml",
    },
  ],
  flags: {
    ...where,
    addr: { kind: "string", type: "HOST:PORT", help: "Address to listen on (default 127.0.0.1:5000)" },
    "log-format": {
      kind: "string",
      values: ["text", "json", "logstash"],
      help: "Form of the log: text, json or logstash",
    },
  },
  args: { min: 0, max: 1, name: "config" },
  complete: "file",
  section,
  storeless: true,
  ownSignals: true,
  async run({ flags, args, app }) {
    const { serve } = await app.registry();
    return serve({
      config: flags.config ?? args[0],
      root: flags.root,
      environment: process.env,
      addr: flags.addr,
      logFormat: flags["log-format"],
      stdout: (text) => void app.stdout.write(text),
      stderr: (text) => void app.stderr.write(text),
    });
  },
});

export const registryGarbageCollect = command({
  path: ["registry", "garbage-collect"],
  usage: "[OPTIONS] [CONFIG]",
  summary: "Delete what no manifest and no tag leads to, and say why",
  details:
    "Servers may be in use meanwhile: what nothing leads to is condemned first and deleted by a run after an hour. With " +
    "--quiet it is deleted at once; no server may be running then.",
  examples: [
    {
      text: "See what would go, and why",
      command: "varve registry garbage-collect --dry-run /etc/varve/registry.yml",
    },
  ],
  flags: {
    ...where,
    "dry-run": { kind: "boolean", short: "d", help: "Decide and change nothing" },
    "delete-untagged": { kind: "boolean", short: "m", help: "Also delete manifests that no tag leads to" },
    quiet: { kind: "boolean", help: "Nobody else uses the storage: wait for nothing" },
  },
  args: { min: 0, max: 1, name: "config" },
  complete: "file",
  section,
  storeless: true,
  async run({ flags, args, app, signal }) {
    const { garbageCollect } = await app.registry();
    const { quiet } = flags;
    const options = { dryRun: flags["dry-run"], untagged: flags["delete-untagged"], quiet };
    await garbageCollect(settingsOf(app, { ...flags, config: flags.config ?? args[0] }, signal), options);
  },
});

export const registryRetention = command({
  path: ["registry", "retention"],
  usage: "[OPTIONS] [CONFIG]",
  summary: "Delete tags by the configuration's rules, and say why each stays or goes",
  details:
    "A tag that no rule keeps is condemned first and deleted by a run after retention.grace, unless it is pushed again. " +
    "What was deleted can be had back with `undelete` while it is in the trash.",
  examples: [
    {
      text: "See what the rules would do",
      command: "varve registry retention --dry-run /etc/varve/registry.yml",
    },
  ],
  flags: { ...where, "dry-run": { kind: "boolean", short: "d", help: "Decide and change nothing" } },
  args: { min: 0, max: 1, name: "config" },
  complete: "file",
  section,
  storeless: true,
  async run({ flags, args, app, signal }) {
    const { retention } = await app.registry();
    const settings = settingsOf(app, { ...flags, config: flags.config ?? args[0] }, signal);
    await retention(settings, { dryRun: flags["dry-run"] });
  },
});

export const registryFsck = command({
  path: ["registry", "fsck"],
  usage: "[OPTIONS] [CONFIG]",
  summary: "Read all of a registry's data and tell what is wrong",
  details:
    "With --repair what is damaged is fetched again from the upstreams of the configuration and of --upstream, and checked " +
    "before it takes its place. What cannot be had is set aside: clients find it missing, and their next push brings it. " +
    "Exits with 1 when something is wrong and was not healed.",
  examples: [
    {
      text: "Get what is damaged from another registry",
      command: "varve registry fsck --repair --upstream https://mirror.example --root /var/lib/registry",
    },
    {
      text: "Check and heal, while servers run",
      command: "varve registry fsck --repair --root /var/lib/registry",
    },
  ],
  flags: {
    ...where,
    repair: { kind: "boolean", help: "Heal what can be healed, set aside what cannot" },
    upstream: {
      kind: "list",
      type: "URL",
      help: "A registry that has the same repositories, to heal from; may be given several times",
    },
  },
  args: { min: 0, max: 1, name: "config" },
  complete: "file",
  section,
  storeless: true,
  async run({ flags, args, app, signal }) {
    const { fsck } = await app.registry();
    return fsck(settingsOf(app, { ...flags, config: flags.config ?? args[0] }, signal), {
      repair: flags.repair,
      upstreams: flags.upstream,
    });
  },
});

export const registryTagHistory = command({
  path: ["registry", "tag-history"],
  usage: "[OPTIONS] REPOSITORY:TAG",
  summary: "Show what a tag has led to, since when and by whom",
  examples: [
    { text: "Who moved a tag", command: "varve registry tag-history --root /var/lib/registry app/web:v1" },
  ],
  flags: where,
  args: { min: 1, max: 1, name: "reference" },
  section,
  storeless: true,
  async run({ flags, args: [reference = ""], app, signal }) {
    await (await app.registry()).tagHistory(settingsOf(app, flags, signal), reference);
  },
});

export const registryTagRestore = command({
  path: ["registry", "tag-restore"],
  usage: "[OPTIONS] REPOSITORY:TAG DIGEST",
  summary: "Let a tag lead to an earlier manifest again",
  examples: [
    {
      text: "Back to an earlier manifest of its history",
      command:
        "varve registry tag-restore --root /var/lib/registry app/web:v1 sha256:5f70bf18a086007016e948b04aed3b82103a36bea41755b6cddfaf10ace3c6ef",
    },
  ],
  flags: where,
  args: { min: 2, max: 2, name: "reference" },
  section,
  storeless: true,
  async run({ flags, args: [reference = "", digest = ""], app, signal }) {
    await (await app.registry()).tagRestore(settingsOf(app, flags, signal), reference, digest);
  },
});

export const registryUndelete = command({
  path: ["registry", "undelete"],
  usage: "[OPTIONS] [REPOSITORY:TAG|REPOSITORY@DIGEST]",
  summary: "Take a deleted tag or manifest out of the trash, or list what is there",
  examples: [
    {
      text: "Get a deleted tag back",
      command: "varve registry undelete --root /var/lib/registry app/web:v1",
    },
  ],
  flags: where,
  args: { min: 0, max: 1, name: "reference" },
  section,
  storeless: true,
  async run({ flags, args: [reference], app, signal }) {
    await (await app.registry()).undelete(settingsOf(app, flags, signal), reference);
  },
});

export const registryUsage = command({
  path: ["registry", "usage"],
  usage: "[OPTIONS] [CONFIG]",
  summary: "Show what of each quota is used",
  details:
    "Counted off the storage; what pushes under way are promised is known to the server alone, at /v2/_varve/usage.",
  examples: [{ text: "Who is near a limit", command: "varve registry usage /etc/varve/registry.yml" }],
  flags: where,
  args: { min: 0, max: 1, name: "config" },
  complete: "file",
  section,
  storeless: true,
  async run({ flags, args, app, signal }) {
    const { usage } = await app.registry();
    await usage(settingsOf(app, { ...flags, config: flags.config ?? args[0] }, signal));
  },
});

function settingsOf(
  app: App,
  { config, root }: { readonly config?: string | undefined; readonly root?: string | undefined },
  signal: AbortSignal,
): CareSettings {
  const tell: CareSettings["tell"] = ({ text, value }) => line(app, app.json ? JSON.stringify(value) : text);
  return { config, root, environment: process.env, signal, tell };
}
