/** Certificates of all sorts, made by openssl. */
import { execFileSync, spawnSync } from "node:child_process";
import { createPrivateKey, X509Certificate, type KeyObject } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

export const opensslSkip =
  spawnSync("openssl", ["version"]).error === undefined ? false : "there is no openssl";

export interface Certified {
  readonly key: KeyObject;
  readonly certificate: X509Certificate;
  readonly pem: string;
  /** As in `x5c`. */
  readonly der: string;
}

interface Wanted {
  readonly kind?: "ec" | "rsa" | "rsa1024" | "p384" | "ed25519";
  /** Default: itself. */
  readonly by?: Certified;
  readonly isCa?: boolean;
  readonly days?: number;
}

const kinds = {
  ec: ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"],
  p384: ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-384"],
  rsa: ["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"],
  rsa1024: ["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:1024"],
  ed25519: ["-algorithm", "ED25519"],
};

/** @param directory for openssl's files */
export function certify(directory: string, name: string, wanted: Wanted = {}): Certified {
  const { kind = "ec", by, isCa = true, days = 100 } = wanted;
  const file = (ending: string) => join(directory, `${name}.${ending}`);
  const openssl = (...args: string[]) =>
    execFileSync("openssl", args, { stdio: ["ignore", "pipe", "ignore"] });
  openssl("genpkey", ...kinds[kind], "-out", file("key"));
  openssl("req", "-new", "-key", file("key"), "-subj", `/CN=${name}`, "-out", file("csr"));
  writeFileSync(file("ext"), `basicConstraints=critical,CA:${isCa ? "TRUE" : "FALSE"}\n`);
  const signed = [
    "x509",
    "-req",
    "-in",
    file("csr"),
    "-days",
    String(days),
    "-extfile",
    file("ext"),
    "-out",
    file("pem"),
  ];
  if (by === undefined) openssl(...signed, "-signkey", file("key"));
  else {
    writeFileSync(file("ca.pem"), by.pem);
    writeFileSync(file("ca.key"), by.key.export({ format: "pem", type: "pkcs8" }));
    openssl(
      ...signed,
      "-CA",
      file("ca.pem"),
      "-CAkey",
      file("ca.key"),
      "-set_serial",
      String(name.length + 7),
    );
  }
  const pem = readFileSync(file("pem"), "utf8");
  const certificate = new X509Certificate(pem);
  const key = createPrivateKey(readFileSync(file("key")));
  return { key, certificate, pem, der: certificate.raw.toString("base64") };
}
