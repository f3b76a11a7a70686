import assert from "node:assert/strict";
import { test } from "node:test";
import { isFailure } from "../../errors.ts";
import { parseFlags } from "../kit/index.ts";
import { buildFlags } from "./build_flags.ts";
import { refuseDockerFlags } from "./docker_flags.ts";

const refused = (line: string): string | undefined => {
  const { values, given } = parseFlags(buildFlags, line.split(" "));
  try {
    refuseDockerFlags(given, values);
    return undefined;
  } catch (error) {
    assert.ok(isFailure(error, "unsupported"));
    return error.message;
  }
};

test("what asks for what is so anyway is taken", () => {
  const flags = "--rm --force-rm --compress --load --builder b --allow network.host --provenance=false";
  assert.equal(
    refused(`${flags} --sbom=false --isolation default --disable-content-trust --call check .`),
    undefined,
  );
});

test("what would silently not be done is refused, and why", () => {
  const limits = "varve build does not limit what RUN commands use";
  const cases = {
    "-m 512m .": `--memory is not supported: ${limits}`,
    "-c 2 .": `--cpu-shares is not supported: ${limits}`,
    "--ulimit nofile=1 .": `--ulimit is not supported: ${limits}`,
    "--shm-size 1g .": "--shm-size is not supported: /dev/shm of RUN commands has 64 MB",
    "--provenance .": "--provenance=true is not supported: varve build makes no attestations",
    "--provenance=mode=max .": "--provenance=mode=max is not supported: varve build makes no attestations",
    "--isolation=hyperv .": "--isolation=hyperv is not supported: RUN commands have Docker's default profile",
  };
  for (const [line, message] of Object.entries(cases)) assert.equal(refused(line), message, line);
});
