/** What was said of a manifest: signatures, SBOMs, attestations, whichever way they hang on it. */
import { algorithmOf, hexOf, isAttestation, type Digest } from "../../oci/index.ts";
import { concurrently } from "../concurrently.ts";
import { resolveTag } from "../manifest_store.ts";
import { formatSize, shortDigest } from "./format.ts";
import { html, type HtmlValue } from "./html.ts";
import type { ImageKey } from "./links.ts";
import type { ManifestFacts } from "./manifest_facts.ts";
import type { View } from "./view.ts";

const mostShown = 100;

interface Saying {
  readonly what: string;
  readonly key: ImageKey;
  readonly digest: Digest;
  readonly size: number | undefined;
  readonly type: string;
}

export async function referrersView(view: View, name: string, facts: ManifestFacts): Promise<HtmlValue> {
  const [referring, tagged] = await Promise.all([
    referrersOf(view, name, facts.digest),
    taggedOf(view, name, facts.digest),
  ]);
  const attested = (facts.members ?? []).filter(isAttestation).map(({ digest, size, mediaType: type }) => ({
    what: "Attestation",
    key: { digest },
    digest,
    size,
    type,
  }));
  const all: Saying[] = [...referring.shown, ...tagged, ...attested.slice(0, mostShown)];
  if (all.length === 0) return undefined;
  return html`<h2>Signatures, SBOMs, attestations</h2>
    <p class="soft">They are listed, not verified.</p>
    <ul class="rows">
      ${all.map(
        ({ what, key, digest, size, type }) =>
          html`<li>
            <a class="main" href="${view.links.image(name, key)}">${what}</a>
            <span class="side">${size !== undefined && formatSize(size)}</span>
            <span class="more"><code>${shortDigest(digest)}</code> · ${type}</span>
          </li>`,
      )}
    </ul>
    ${referring.count > mostShown && html`<p class="soft">Only the first ${mostShown} of ${referring.count} are shown.</p>`}`;
}

async function referrersOf({ core, manifests }: View, name: string, subject: Digest) {
  const digests = await core.referrers.of(name, subject);
  const shown = await concurrently(digests.slice(0, mostShown), async (digest): Promise<Saying> => {
    const facts = await manifests.manifest(name, digest);
    const type = facts?.artifactType ?? facts?.mediaType ?? "";
    const size = facts && facts.size + facts.layers.reduce((sum, layer) => sum + layer.size, 0);
    return { what: kindOf(type), key: { digest }, digest, size, type };
  });
  return { shown, count: digests.length };
}

const cosignTags = { sig: "Signature", att: "Attestation", sbom: "SBOM" } as const;

/** cosign's older way: tags made of the digest. */
async function taggedOf({ storage }: View, name: string, subject: Digest): Promise<Saying[]> {
  const found: Saying[] = [];
  for (const [end, what] of Object.entries(cosignTags)) {
    const tag = `${algorithmOf(subject)}-${hexOf(subject).slice(0, 64)}.${end}`;
    const digest = await resolveTag(storage, name, tag);
    if (digest !== undefined) found.push({ what, key: { tag }, digest, size: undefined, type: tag });
  }
  return found;
}

function kindOf(type: string): string {
  if (/cosign|sigstore|notary\.signature/.test(type)) return "Signature";
  if (/spdx|cyclonedx|syft|sbom/.test(type)) return "SBOM";
  return /in-toto|slsa|attestation|provenance/.test(type) ? "Attestation" : "Artifact";
}
