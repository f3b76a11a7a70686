import assert from "node:assert/strict";
import { describe, test } from "node:test";
import * as fc from "fast-check";
import type { Descriptor } from "./descriptor.ts";
import {
  formatPlatform,
  hostPlatform,
  isAttestation,
  normalizePlatform,
  parsePlatform,
  selectPlatform,
} from "./platform.ts";

/** An index entry for `os/arch/variant` text; the mediaType tells it from others of the same platform. */
function entry(text: string, mark = ""): Descriptor {
  const [os = "", architecture = "", variant] = text.split("/");
  return {
    mediaType: `application/x${mark}`,
    digest: `sha256:${"0".repeat(64)}`,
    size: 1,
    ...(text === "" ? {} : { platform: { os, architecture, ...(variant ? { variant } : {}) } }),
  };
}

const shown = (descriptor: Descriptor | undefined): string | undefined =>
  descriptor === undefined
    ? undefined
    : descriptor.platform === undefined
      ? "none"
      : [descriptor.platform.os, descriptor.platform.architecture, descriptor.platform.variant ?? ""]
          .join("/")
          .replace(/\/$/, "");

describe("parsePlatform", () => {
  const cases: readonly [string, string][] = [
    ["linux/amd64", "linux/amd64"],
    ["linux/arm/v7", "linux/arm/v7"],
    ["linux/arm", "linux/arm/v7"],
    ["linux/arm/6", "linux/arm/v6"],
    ["linux/armhf", "linux/arm/v7"],
    ["linux/armel", "linux/arm/v6"],
    ["linux/arm64", "linux/arm64"],
    ["linux/arm64/v8", "linux/arm64"],
    ["linux/aarch64", "linux/arm64"],
    ["linux/arm64/v9", "linux/arm64/v9"],
    ["linux/x86_64", "linux/amd64"],
    ["linux/amd64/v1", "linux/amd64"],
    ["linux/amd64/v3", "linux/amd64/v3"],
    ["LINUX/AMD64", "linux/amd64"],
    ["macos/arm64", "darwin/arm64"],
    ["linux/i386", "linux/386"],
    ["linux/s390x", "linux/s390x"],
  ];
  for (const [text, wanted] of cases) {
    test(`${text} is ${wanted}`, () => assert.equal(formatPlatform(parsePlatform(text)), wanted));
  }

  test("one word is an architecture or an operating system, the rest the host's", () => {
    assert.equal(formatPlatform(parsePlatform("s390x")), "linux/s390x");
    assert.deepEqual(parsePlatform("linux"), hostPlatform());
    assert.equal(parsePlatform("windows").architecture, hostPlatform().architecture);
  });

  for (const text of ["", "/", "linux/", "a/b/c/d", "linux/am d64", "linux/arm/v7/", "nonsense"]) {
    test(`${JSON.stringify(text)} is refused`, () => {
      assert.throws(() => parsePlatform(text), { name: "Failure", kind: "invalid" });
    });
  }
});

test("normalizing is idempotent and keeps unknown fields", () => {
  const word = fc.constantFrom("arm", "arm64", "aarch64", "amd64", "x86_64", "i386", "armhf", "riscv64", "");
  const variant = fc.option(fc.constantFrom("", "v1", "v2", "7", "v7", "8", "v8", "v8.0", "9.0", "v9"), {
    nil: undefined,
  });
  fc.assert(
    fc.property(word, variant, (architecture, value) => {
      const platform = {
        os: "Linux",
        architecture,
        extra: 1,
        ...(value === undefined ? {} : { variant: value }),
      };
      const once = normalizePlatform(platform);
      assert.deepEqual(normalizePlatform(once), once);
      assert.equal(once["extra"], 1);
    }),
  );
});

describe("selectPlatform picks what the host runs best (B113)", () => {
  const cases: readonly [wanted: string, offered: string, chosen: string | undefined][] = [
    ["linux/amd64", "linux/arm64 linux/amd64 windows/amd64", "linux/amd64"],
    ["linux/arm64", "linux/amd64 linux/arm64/v8", "linux/arm64/v8"],
    ["linux/arm64/v8", "linux/arm/v7 linux/arm64", "linux/arm64"],
    ["linux/arm64", "linux/arm/v5 linux/arm/v7 linux/amd64", "linux/arm/v7"],
    ["linux/arm/v7", "linux/arm/v5 linux/arm/v6 linux/arm64", "linux/arm/v6"],
    ["linux/arm/v7", "linux/arm/v6 linux/arm/v7", "linux/arm/v7"],
    ["linux/arm", "linux/arm/v5 linux/arm", "linux/arm"],
    ["linux/arm/v6", "linux/arm/v7 linux/arm64", undefined],
    ["linux/arm/v5", "linux/arm/v6", undefined],
    ["linux/amd64/v3", "linux/amd64 linux/amd64/v2 linux/amd64/v4", "linux/amd64/v2"],
    ["linux/amd64", "linux/amd64/v2", undefined],
    ["linux/amd64", "linux/386 linux/arm64", "linux/386"],
    ["linux/386", "linux/amd64", undefined],
    [
      "linux/arm64/v9.1",
      "linux/arm64/v9.2 linux/arm64/v8.6 linux/arm64/v8.7 linux/arm64",
      "linux/arm64/v8.6",
    ],
    ["linux/s390x", "linux/amd64 linux/s390x", "linux/s390x"],
    ["linux/s390x", "linux/amd64", undefined],
    ["windows/amd64", "linux/amd64", undefined],
    ["linux/amd64", "", undefined],
  ];
  for (const [wanted, offered, chosen] of cases) {
    test(`${wanted} of [${offered}] is ${chosen}`, () => {
      const entries = offered === "" ? [] : offered.split(" ").map((text) => entry(text));
      assert.equal(shown(selectPlatform(entries, parsePlatform(wanted))), chosen);
    });
  }

  test("among equals the first listed wins", () => {
    const entries = [entry("linux/arm64/v8", "-first"), entry("linux/arm64", "-second")];
    assert.equal(selectPlatform(entries, parsePlatform("linux/arm64")), entries[0]);
  });

  test("an entry without a platform is taken only when nothing else fits", () => {
    assert.equal(
      shown(selectPlatform([entry(""), entry("linux/386")], parsePlatform("linux/amd64"))),
      "linux/386",
    );
    assert.equal(
      shown(selectPlatform([entry("linux/arm64"), entry("")], parsePlatform("linux/amd64"))),
      "none",
    );
  });

  test("attestations are never chosen", () => {
    const provenance = entry("unknown/unknown");
    const annotated: Descriptor = {
      ...entry(""),
      annotations: { "vnd.docker.reference.type": "attestation-manifest" },
    };
    assert.ok(isAttestation(provenance) && isAttestation(annotated));
    assert.equal(selectPlatform([provenance, annotated], parsePlatform("linux/amd64")), undefined);
  });
});
