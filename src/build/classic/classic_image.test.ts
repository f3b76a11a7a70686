import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import type { Instruction } from "../../dockerfile/index.ts";
import {
  digestOf,
  type ContainerConfig,
  type DiffId,
  type ImageConfig,
  type ImageId,
} from "../../oci/index.ts";
import { encodeConfig, type StoredImage } from "../../store/index.ts";
import { classicImage } from "./classic_image.ts";
import { classicWords } from "./classic_words.ts";
import type { ClassicFacts } from "./history_facts.ts";

interface MeasuredStep {
  /** The line of the Dockerfile. */
  readonly text: string;
  readonly instruction: Instruction;
  readonly facts?: Partial<ClassicFacts>;
  /** What the instruction changes in the stage's config. */
  readonly edit?: Partial<ContainerConfig>;
  readonly created: string;
  readonly container?: string;
  readonly diffId?: DiffId;
  readonly createdBy: string;
  readonly id: ImageId;
}

/** One build of dockerd 20.10.24: its base image's config, and of each image what a build decides by chance. */
const { base, dockerVersion, steps } = JSON.parse(
  readFileSync(new URL("../../../test/fixtures/classic/steps.json", import.meta.url), "utf8"),
) as { readonly base: string; readonly dockerVersion: string; readonly steps: readonly MeasuredStep[] };

function stored(config: ImageConfig): StoredImage {
  const bytes = encodeConfig(config);
  return { id: digestOf(bytes), bytes, config: JSON.parse(Buffer.from(bytes).toString()) as ImageConfig };
}

let parent: StoredImage = stored(JSON.parse(base) as ImageConfig);
let config: ContainerConfig = parent.config.config ?? {};
for (const step of steps) {
  config = { ...config, ...step.edit };
  const words = classicWords(step.instruction, { ...step.facts, config });
  const classic = { kind: step.instruction.kind, parent, config, words };
  const image = classicImage(classic, {
    ...step,
    author: "Jo <jo@x>",
    architecture: "amd64",
    os: "linux",
    dockerVersion,
  });
  parent = stored(image);
  const { id } = parent;

  test(`B065 B068 B071 ${step.text}: dockerd's words`, () => {
    assert.equal(words.join(" "), step.createdBy);
  });

  test(`B071 ${step.text}: dockerd's image, byte for byte`, () => {
    assert.equal(id, step.id);
  });
}
