import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { scratch } from "../../../../test/suites/scratch.ts";
import { Failure, isFailure } from "../../../errors.ts";
import { RegistryError } from "../../registry_error.ts";
import { composeAccess } from "../compose_access.ts";
import { basic, outcome, scope } from "../testing.test.ts";
import { HtpasswdUsers } from "./htpasswd_users.ts";

/** Of "secret". */
const hash = "$2y$05$z6svPfy.SWgXRnnClm49O.sT8kSpPOmsktWyCNpIV2N2VO9V0HcX6";
const challenge = 'Basic realm="The \\"realm\\""';

async function open(path: string, rules?: object[]) {
  const htpasswd = { realm: 'The "realm"', path };
  return composeAccess({ htpasswd, ...(rules && { rules }) });
}

test("B171 htpasswd: Basic with the configured realm, bcrypt alone lets in", async () => {
  using dir = scratch("htpasswd");
  const path = join(dir.path, "htpasswd");
  writeFileSync(
    path,
    `# users\n\n  jo:${hash}  \nplain:secret\nmd5:$apr1$MnTzGmU1$Xv1eVOYzsD4vWk0iXgYPx.\ncostly:${hash.replace("$05", "$31")}\n`,
  );
  await using access = await open(path);
  const { controller } = access;
  const needed = scope("a/b", "pull", "push");
  assert.equal(await outcome(controller, undefined, needed), `401 UNAUTHORIZED ${challenge}`);
  assert.equal(await outcome(controller, undefined), `401 UNAUTHORIZED ${challenge}`);
  assert.equal(await outcome(controller, basic("jo", "secret"), needed), "200 jo");
  for (const wrong of [
    basic("jo", "Secret"),
    basic("jo", ""),
    basic("al", "secret"),
    basic("# users", ""),
    basic("plain", "secret"),
    basic("md5", "secret"),
    basic("costly", "secret"),
    "Basic !!!",
    `Basic ${Buffer.from("no colon").toString("base64")}`,
    "Bearer abc",
    "Negotiate abc",
    "",
  ])
    assert.equal(await outcome(controller, wrong, needed), `401 UNAUTHORIZED ${challenge}`, wrong);
});

test("a changed file counts at once, for those let in before too; a removed one lets nobody in", async () => {
  using dir = scratch("htpasswd");
  const path = join(dir.path, "htpasswd");
  writeFileSync(path, `jo:${hash}\n`);
  await using access = await open(path);
  const { controller } = access;
  assert.equal(await outcome(controller, basic("jo", "secret")), "200 jo");
  writeFileSync(`${path}.new`, `al:${hash}\n`);
  renameSync(`${path}.new`, path);
  assert.match(await outcome(controller, basic("jo", "secret")), /^401/);
  assert.equal(await outcome(controller, basic("al", "secret")), "200 al");
  rmSync(path);
  await assert.rejects(outcome(controller, basic("al", "secret")), (error) => isFailure(error, "not-found"));
});

test("a file that became unusable is reported, and what was read before stays", async () => {
  using dir = scratch("htpasswd");
  const path = join(dir.path, "htpasswd");
  writeFileSync(path, `jo:${hash}\n`);
  const problems: Failure[] = [];
  await using access = await composeAccess(
    { htpasswd: { realm: "r", path } },
    { onProblem: (failure) => problems.push(failure) },
  );
  writeFileSync(path, `jo:${hash}\nmy-password\n`);
  assert.equal(await outcome(access.controller, basic("jo", "secret")), "200 jo");
  assert.equal(await outcome(access.controller, basic("jo", "secret")), "200 jo");
  assert.deepEqual(
    problems.map(({ message }) => message),
    [`${path}: line 2 has no colon between user and hash`],
  );
});

test("who is known and may not is denied, with the rules that are given", async () => {
  using dir = scratch("htpasswd");
  const path = join(dir.path, "htpasswd");
  writeFileSync(path, `jo:${hash}\n`);
  await using access = await open(path, [{ users: "*", repositories: "${user}/**", actions: ["pull"] }]);
  const { controller } = access;
  assert.equal(await outcome(controller, basic("jo", "secret")), "200 jo");
  assert.equal(await outcome(controller, basic("jo", "secret"), scope("jo/a", "pull")), "200 jo");
  assert.equal(await outcome(controller, basic("jo", "secret"), scope("jo/a", "pull", "push")), "403 DENIED");
  assert.equal(await outcome(controller, basic("jo", "secret"), scope("al/a", "pull")), "403 DENIED");
  assert.match(await outcome(controller, undefined, scope("jo/a", "pull")), /^401/);
});

test("many at once share one check, and guesses do not pile up", async () => {
  using dir = scratch("htpasswd");
  const path = join(dir.path, "htpasswd");
  writeFileSync(path, `jo:${hash}\n`);
  await using users = new HtpasswdUsers(path);
  const same = await Promise.all(Array.from({ length: 500 }, () => users.check("jo", "secret")));
  assert.ok(same.every(Boolean));
  const guesses = await Promise.allSettled(
    Array.from({ length: 100 }, (_, n) => users.check("jo", `guess ${n}`)),
  );
  const turnedAway = guesses.filter((guess) => guess.status === "rejected");
  assert.equal(turnedAway.length, 36);
  for (const { reason } of turnedAway) {
    assert.ok(reason instanceof RegistryError);
    assert.deepEqual([reason.status, reason.headers["Retry-After"]], [429, "1"]);
  }
  assert.equal(await users.check("jo", "secret"), true);
});

const program = spawnSync("htpasswd", ["-v"]).error === undefined;

test("hashes that Apache's htpasswd makes", { skip: program ? false : "there is no htpasswd" }, async () => {
  using dir = scratch("htpasswd");
  const path = join(dir.path, "htpasswd");
  const passwords = ["a", "pass word", "pässwörd", "x".repeat(71)];
  for (const [index, password] of passwords.entries())
    execFileSync(
      "htpasswd",
      ["-b", "-B", "-C", String(4 + index), ...(index === 0 ? ["-c"] : []), path, `u${index}`, password],
      {
        stdio: "ignore",
      },
    );
  await using users = new HtpasswdUsers(path);
  for (const [index, password] of passwords.entries()) {
    assert.equal(await users.check(`u${index}`, password), true, password);
    assert.equal(await users.check(`u${index}`, `${password.slice(1)}!`), false, password);
  }
});
