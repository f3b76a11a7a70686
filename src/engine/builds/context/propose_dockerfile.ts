/** A Dockerfile for a Node project that has none, fitted to its package.json. */
import { existsSync } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Failure } from "../../../errors.ts";

export interface ProposedFile {
  readonly name: "Dockerfile" | ".dockerignore";
  readonly text: string;
}

/** Files that the directory lacks; none: it has no readable package.json. Nothing is written. */
export async function proposeDockerfile(directory: string): Promise<readonly ProposedFile[]> {
  const project = await readProject(directory);
  if (project === undefined) return [];
  const files: readonly ProposedFile[] = [
    { name: "Dockerfile", text: dockerfileOf(project) },
    { name: ".dockerignore", text: ignored },
  ];
  return files.filter(({ name }) => !existsSync(join(directory, name)));
}

/** Writes what {@link proposeDockerfile} proposes, and returns the names. Throws `Failure("not-found")`, `"conflict"`. */
export async function writeProposal(directory: string): Promise<readonly string[]> {
  if (existsSync(join(directory, "Dockerfile")))
    throw new Failure("conflict", `${join(directory, "Dockerfile")} exists`);
  const files = await proposeDockerfile(directory);
  if (files.length === 0) {
    throw new Failure("not-found", `${join(directory, "package.json")}: no such file, or it cannot be read`, {
      hint: "A Dockerfile can be proposed for Node projects only.",
    });
  }
  for (const { name, text } of files) await writeFile(join(directory, name), text, { flag: "wx" });
  return files.map(({ name }) => name);
}

type Manager = "npm" | "yarn" | "berry" | "pnpm";

interface Project {
  readonly node: number;
  readonly manager: Manager;
  /** Besides package.json, what installing needs. */
  readonly lockFiles: readonly string[];
  readonly hasDependencies: boolean;
  readonly hasBuild: boolean;
  readonly command: readonly string[];
}

interface Manifest {
  readonly engines?: { readonly node?: unknown };
  readonly packageManager?: unknown;
  readonly scripts?: Readonly<Record<string, unknown>>;
  readonly main?: unknown;
  readonly dependencies?: object;
  readonly devDependencies?: object;
}

async function readProject(directory: string): Promise<Project | undefined> {
  let manifest: Manifest;
  try {
    manifest = JSON.parse(await readFile(join(directory, "package.json"), "utf8")) as Manifest;
  } catch {
    return undefined;
  }
  if (typeof manifest !== "object" || manifest === null) return undefined;
  const present = (...names: readonly string[]): string[] =>
    names.filter((name) => existsSync(join(directory, name)));
  const manager = managerOf(manifest, present);
  const { dependencies = {}, devDependencies = {}, scripts = {} } = manifest;
  return {
    node: nodeVersion(manifest.engines?.node),
    manager,
    lockFiles: present(...lockFiles[manager]),
    hasDependencies: Object.keys(dependencies).length + Object.keys(devDependencies).length > 0,
    hasBuild: typeof scripts["build"] === "string",
    command: commandOf(manifest, manager),
  };
}

const lockFiles: Readonly<Record<Manager, readonly string[]>> = {
  npm: ["package-lock.json", "npm-shrinkwrap.json", ".npmrc"],
  yarn: ["yarn.lock", ".npmrc"],
  berry: ["yarn.lock", ".yarnrc.yml"],
  pnpm: ["pnpm-lock.yaml", "pnpm-workspace.yaml", ".npmrc"],
};

function managerOf({ packageManager }: Manifest, present: (...names: string[]) => string[]): Manager {
  const named = /^(npm|pnpm|yarn)@(\d+)/.exec(String(packageManager));
  if (named?.[1] === "yarn") return Number(named[2]) > 1 ? "berry" : "yarn";
  if (named !== null) return named[1] as Manager;
  if (present("pnpm-lock.yaml").length > 0) return "pnpm";
  if (present("yarn.lock").length > 0) return present(".yarnrc.yml").length > 0 ? "berry" : "yarn";
  return "npm";
}

/** The line of long-term support at the time of writing. */
const usualNode = 26;

/** The major version of `engines.node`; with an open end the usual one, if it is newer. */
function nodeVersion(range: unknown): number {
  const text = typeof range === "string" ? range : "";
  const first = /\d+/.exec(text)?.[0];
  if (first === undefined) return usualNode;
  const isOpen = /^\s*>/.test(text) && !text.includes("<");
  return isOpen ? Math.max(Number(first), usualNode) : Number(first);
}

function commandOf({ scripts = {}, main }: Manifest, manager: Manager): readonly string[] {
  const start = scripts["start"];
  if (typeof start === "string") {
    // Without a package manager in between, signals reach the program.
    const script = /^node\s+([\w./-]+)$/.exec(start.trim())?.[1];
    return script === undefined ? [manager === "berry" ? "yarn" : manager, "start"] : ["node", script];
  }
  return ["node", typeof main === "string" && main !== "" ? main : "index.js"];
}

interface Commands {
  readonly install: string;
  /** All but what only development needs. */
  readonly production: string;
  readonly cache: string;
  readonly run: string;
}

function commandsOf({ manager, lockFiles }: Project): Commands {
  const isLocked = lockFiles.some((name) => /lock|shrinkwrap/.test(name));
  // Node 25 and newer come without it.
  const corepack = "npm install -g corepack && corepack enable && ";
  switch (manager) {
    case "npm": {
      const install = isLocked ? "npm ci" : "npm install";
      return { install, production: `${install} --omit=dev`, cache: "/root/.npm", run: "npm run build" };
    }
    case "yarn": {
      const install = isLocked ? "yarn install --frozen-lockfile" : "yarn install";
      const cache = "/usr/local/share/.cache/yarn";
      return { install, production: `${install} --production`, cache, run: "yarn build" };
    }
    case "berry":
      return {
        install: `${corepack}yarn install${isLocked ? " --immutable" : ""}`,
        production: `${corepack}yarn workspaces focus --production`,
        cache: "/root/.yarn/berry/cache",
        run: "yarn build",
      };
    case "pnpm": {
      const install = `${corepack}pnpm install${isLocked ? " --frozen-lockfile" : ""}`;
      return {
        install,
        production: `${install} --prod`,
        cache: "/root/.local/share/pnpm/store",
        run: "pnpm run build",
      };
    }
  }
}

function dockerfileOf(project: Project): string {
  const { node, hasDependencies, hasBuild, command } = project;
  const { install, production, cache, run } = commandsOf(project);
  const from = `FROM node:${node}-slim`;
  const manifests = ["package.json", ...project.lockFiles].join(" ");
  const installing = (line: string): string[] =>
    hasDependencies ? [`COPY ${manifests} ./`, `RUN --mount=type=cache,target=${cache} ${line}`] : [];
  const stages: string[][] = [];
  if (hasDependencies) stages.push([`${from} AS dependencies`, "WORKDIR /app", ...installing(production)]);
  if (hasBuild)
    stages.push([
      `${from} AS build`,
      "WORKDIR /app",
      ...installing(install),
      "COPY . .",
      `RUN ${run}`,
      // The result has the dependencies of the other stage.
      ...(hasDependencies ? ["RUN rm -rf node_modules"] : []),
    ]);
  stages.push([
    from,
    "ENV NODE_ENV=production",
    "WORKDIR /app",
    ...(hasDependencies ? ["COPY --from=dependencies /app/node_modules node_modules"] : []),
    hasBuild ? "COPY --from=build /app ." : "COPY . .",
    "USER node",
    `CMD ${JSON.stringify(command).replaceAll(",", ", ")}`,
  ]);
  return `# syntax=docker/dockerfile:1\n${stages.map((lines) => lines.join("\n")).join("\n\n")}\n`;
}

const ignored = ["node_modules", ".git", ".env*", "npm-debug.log*", "Dockerfile", ".dockerignore", ""].join(
  "\n",
);
