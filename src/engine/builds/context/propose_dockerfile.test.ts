/** Dockerfiles that are proposed, for projects of each package manager. */
import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { scratch } from "../../../../test/suites/scratch.ts";
import { isFailure } from "../../../errors.ts";
import { proposeDockerfile, writeProposal } from "./propose_dockerfile.ts";

/** The proposed lines for a project with these files. */
async function proposed(manifest: object, ...files: readonly string[]): Promise<string[]> {
  using directory = scratch("propose");
  writeFileSync(join(directory.path, "package.json"), JSON.stringify(manifest));
  for (const name of files) writeFileSync(join(directory.path, name), "");
  const [dockerfile] = await proposeDockerfile(directory.path);
  assert.equal(dockerfile?.name, "Dockerfile");
  return (dockerfile?.text ?? "").split("\n");
}

test("an npm project with a build script", async () => {
  const manifest = {
    engines: { node: "^22.1" },
    scripts: { build: "tsc", start: "node dist/main.js" },
    dependencies: { a: "1" },
  };
  assert.deepEqual(await proposed(manifest, "package-lock.json"), [
    "# syntax=docker/dockerfile:1",
    "FROM node:22-slim AS dependencies",
    "WORKDIR /app",
    "COPY package.json package-lock.json ./",
    "RUN --mount=type=cache,target=/root/.npm npm ci --omit=dev",
    "",
    "FROM node:22-slim AS build",
    "WORKDIR /app",
    "COPY package.json package-lock.json ./",
    "RUN --mount=type=cache,target=/root/.npm npm ci",
    "COPY . .",
    "RUN npm run build",
    "RUN rm -rf node_modules",
    "",
    "FROM node:22-slim",
    "ENV NODE_ENV=production",
    "WORKDIR /app",
    "COPY --from=dependencies /app/node_modules node_modules",
    "COPY --from=build /app .",
    "USER node",
    'CMD ["node", "dist/main.js"]',
    "",
  ]);
});

test("a project of nothing but code needs no installing", async () => {
  assert.deepEqual((await proposed({ main: "a\nRUN x.js" })).slice(1), [
    "FROM node:26-slim",
    "ENV NODE_ENV=production",
    "WORKDIR /app",
    "COPY . .",
    "USER node",
    'CMD ["node", "a\\nRUN x.js"]',
    "",
  ]);
});

test("each package manager installs in its own way", async () => {
  const dependencies = { a: "1" };
  const install = async (manifest: object, ...files: readonly string[]) =>
    (await proposed({ dependencies, ...manifest }, ...files)).find((line) => line.startsWith("RUN"));
  const mount = (cache: string): string => `RUN --mount=type=cache,target=${cache} `;
  const corepack = "npm install -g corepack && corepack enable && ";
  assert.equal(await install({}), `${mount("/root/.npm")}npm install --omit=dev`);
  assert.equal(
    await install({}, "yarn.lock"),
    `${mount("/usr/local/share/.cache/yarn")}yarn install --frozen-lockfile --production`,
  );
  assert.equal(
    await install({ packageManager: "yarn@4.1.0" }, "yarn.lock"),
    `${mount("/root/.yarn/berry/cache")}${corepack}yarn workspaces focus --production`,
  );
  assert.equal(
    await install({}, "pnpm-lock.yaml"),
    `${mount("/root/.local/share/pnpm/store")}${corepack}pnpm install --frozen-lockfile --prod`,
  );
});

test("the version of Node is the one that the project asks for", async () => {
  const from = async (node: unknown) => (await proposed({ engines: { node } }))[1];
  assert.equal(await from(">=18"), "FROM node:26-slim");
  assert.equal(await from(">=28.1"), "FROM node:28-slim");
  assert.equal(await from(">=20 <23"), "FROM node:20-slim");
  assert.equal(await from("24.x"), "FROM node:24-slim");
  assert.equal(await from(["$(rm)"]), "FROM node:26-slim");
});

test("what is proposed is written, and never over a file", async () => {
  using directory = scratch("propose-write");
  const at = (name: string): string => join(directory.path, name);
  await assert.rejects(writeProposal(directory.path), (error) => isFailure(error, "not-found"));
  writeFileSync(at("package.json"), "{ not json");
  assert.deepEqual(await proposeDockerfile(directory.path), []);
  writeFileSync(at("package.json"), "{}");
  writeFileSync(at(".dockerignore"), "mine");
  assert.deepEqual(await writeProposal(directory.path), ["Dockerfile"]);
  assert.equal(readFileSync(at(".dockerignore"), "utf8"), "mine");
  await assert.rejects(writeProposal(directory.path), (error) => isFailure(error, "conflict"));
});
