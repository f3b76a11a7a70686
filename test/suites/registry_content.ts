/** Kinds of content that the specification's conformance program pushes (`conformance/run.go`), by its own names. */
import { createHash, randomBytes } from "node:crypto";
import { digestOf, mediaTypes, type Algorithm, type Digest } from "../../src/oci/index.ts";

const example = "application/vnd.example.oci.conformance.v1";
const emptyType = "application/vnd.oci.empty.v1+json";
const nondistributable = "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip";

/** A descriptor. */
export interface Described {
  readonly mediaType: string;
  readonly digest: Digest;
  readonly size: number;
}
/** A manifest or an index, and where it is to be found. */
export interface Pushed {
  readonly bytes: Buffer;
  readonly described: Described;
  readonly tag: string | undefined;
  /** In the query of a push by digest. */
  readonly tagParameters: readonly string[];
  readonly subject: Digest | undefined;
  /** As a list of referrers must have it. */
  readonly artifactType: string | undefined;
  readonly annotations: Readonly<Record<string, string>> | undefined;
}
interface Naming {
  readonly tag?: string;
  readonly tagParameters?: readonly string[];
}

/** Content to be pushed, in its order. */
export class Content {
  readonly blobs: Buffer[] = [];
  readonly manifests: Pushed[] = [];
  readonly #algorithm: Algorithm;

  constructor(algorithm: Algorithm = "sha256") {
    this.#algorithm = algorithm;
  }

  #describe(mediaType: string, bytes: Buffer): Described {
    const hex = createHash(this.#algorithm).update(bytes).digest("hex");
    return { mediaType, digest: `${this.#algorithm}:${hex}`, size: bytes.length };
  }

  blob(mediaType: string, bytes: Buffer | string = randomBytes(64)): Described {
    const buffer = Buffer.from(bytes);
    this.blobs.push(buffer);
    return this.#describe(mediaType, buffer);
  }

  #add(mediaType: string, document: Readonly<Record<string, unknown>>, naming: Naming): Described {
    const bytes = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType, ...document }));
    const described = this.#describe(mediaType, bytes);
    const { subject, artifactType, config, annotations } = document as {
      subject?: Described;
      artifactType?: string;
      config?: Described;
      annotations?: Record<string, string>;
    };
    this.manifests.push({
      bytes,
      described,
      tag: naming.tag,
      tagParameters: naming.tagParameters ?? [],
      subject: subject?.digest,
      // An image without one has its config's type (OCI distribution spec, "Listing referrers").
      artifactType: artifactType ?? config?.mediaType,
      annotations,
    });
    return described;
  }

  /** @param rest over the image's own fields, or besides them */
  image(naming: Naming = {}, rest: Readonly<Record<string, unknown>> = {}): Described {
    const document = {
      config: this.blob(mediaTypes.ociConfig, JSON.stringify({ architecture: "amd64", os: "linux" })),
      layers: [this.blob(mediaTypes.ociLayerGzip), this.blob(mediaTypes.ociLayerGzip)],
      ...rest,
    };
    return this.#add(mediaTypes.ociManifest, document, naming);
  }

  artifact(naming: Naming = {}, rest: Readonly<Record<string, unknown>> = {}): Described {
    const config = this.blob(emptyType, "{}");
    return this.image(naming, { artifactType: example, config, layers: [this.blob(example)], ...rest });
  }

  index(
    members: readonly Described[],
    naming: Naming = {},
    rest: Readonly<Record<string, unknown>> = {},
  ): Described {
    return this.#add(mediaTypes.ociIndex, { manifests: members, ...rest }, naming);
  }
}

const annotations = { "org.opencontainers.conformance": "hello", "org.opencontainers.other": "bye" };
const fill = (content: Content, act: (content: Content) => void): Content => {
  act(content);
  return content;
};

/** Each makes its content anew. */
export const kinds: Readonly<Record<string, () => Content>> = {
  image: () => fill(new Content(), (c) => c.image({ tag: "t" })),
  "image-uncompressed": () =>
    fill(new Content(), (c) => c.image({ tag: "t" }, { layers: [c.blob(mediaTypes.ociLayerTar)] })),
  "large-manifest": () =>
    fill(new Content(), (c) => c.image({ tag: "t" }, { annotations: { filler: "x".repeat(3 << 20) } })),
  index: () => fill(new Content(), (c) => c.index([c.image(), c.image()], { tag: "t" })),
  "nested-index": () =>
    fill(new Content(), (c) => c.index([c.index([c.image()]), c.index([c.image()])], { tag: "t" })),
  "empty-index": () => fill(new Content(), (c) => c.index([], { tag: "t" })),
  artifact: () => fill(new Content(), (c) => c.artifact({ tag: "t" })),
  "artifact-index": () =>
    fill(new Content(), (c) =>
      c.index([c.artifact(), c.artifact()], { tag: "t" }, { artifactType: example }),
    ),
  "artifact-without-layers": () =>
    fill(new Content(), (c) => c.artifact({ tag: "t" }, { layers: [c.blob(emptyType, "{}")] })),
  "artifacts-with-subject": () =>
    fill(new Content(), (c) => {
      const subject = c.image({ tag: "t" });
      c.image({}, { subject });
      c.artifact({ tag: "a" }, { subject, annotations });
      c.artifact({ tag: "b" }, { subject, artifactType: `${example}.other`, annotations: { x: "y" } });
    }),
  "index-with-subject": () =>
    fill(new Content(), (c) => {
      const subject = c.index([c.image(), c.image()], { tag: "t" });
      c.index([c.artifact()], { tag: "a" }, { subject, artifactType: example, annotations });
    }),
  "missing-subject": () =>
    fill(new Content(), (c) => {
      const subject = { mediaType: mediaTypes.ociManifest, digest: digestOf("missing content"), size: 123 };
      c.artifact({ tag: "a" }, { subject, annotations });
    }),
  "data-field": () =>
    fill(new Content(), (c) => {
      const data = Buffer.from("hello").toString("base64");
      c.image({ tag: "t" }, { layers: [{ ...c.blob(mediaTypes.ociLayerTar, "hello"), data }] });
    }),
  "non-distributable-layers": () =>
    fill(new Content(), (c) => {
      const far = { mediaType: nondistributable, digest: digestOf("far"), size: 123_456 };
      const urls = ["https://store.example.com/far"];
      c.image({ tag: "t" }, { layers: [{ ...far, urls }, c.blob(mediaTypes.ociLayerTar)] });
    }),
  "custom-fields": () =>
    fill(new Content(), (c) =>
      c.index([c.image({}, { "org.x": [1] })], { tag: "t" }, { "org.y": { z: null } }),
    ),
  "no-layers": () => fill(new Content(), (c) => c.image({ tag: "t" }, { layers: [] })),
  sha512: () => fill(new Content("sha512"), (c) => c.index([c.image(), c.image()])),
  "tag-param-sha256": () =>
    fill(new Content(), (c) => c.index([c.image({ tagParameters: ["m"] })], { tagParameters: ["t", "u"] })),
  "tag-param-sha512": () =>
    fill(new Content("sha512"), (c) =>
      c.index([c.image({ tagParameters: ["m"] })], { tagParameters: ["t", "u"] }),
    ),
};
