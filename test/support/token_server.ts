/** A token server for a real registry (distribution, docs/spec/auth/jwt.md). */
import { execFileSync } from "node:child_process";
import { createPrivateKey, createSign, randomUUID, X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";

export interface TokenServer extends AsyncDisposable {
  /** Its URL. */
  readonly realm: string;
  /** File with the certificate of its key, PEM: the registry's `rootcertbundle`. */
  readonly certificate: string;
  /** What was asked for, in order; several scopes of one request are joined by a space. */
  readonly scopes: readonly string[];
}

/** A token server as small as can be: knows jo, grants whatever is asked, signs as distribution wants it (RFC 7519). */
export async function serveTokens(directory: string): Promise<TokenServer> {
  const [keyFile, certificate] = [join(directory, "token.key"), join(directory, "token.crt")];
  const make = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=test"];
  execFileSync("openssl", [...make, "-keyout", keyFile, "-out", certificate], { stdio: "ignore" });
  const key = createPrivateKey(readFileSync(keyFile));
  const der = new X509Certificate(readFileSync(certificate)).raw.toString("base64");
  const scopes: string[] = [];
  const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");
  const sign = (asked: readonly string[]) => {
    const access = asked.map((scope) => {
      const [type, name, actions = ""] = scope.split(":");
      return { type, name, actions: actions.split(",") };
    });
    const now = Math.floor(Date.now() / 1000);
    const times = { nbf: now - 10, iat: now - 10, exp: now + 300, jti: randomUUID() };
    const claims = { iss: "test-issuer", aud: "test", sub: "jo", access, ...times };
    const text = `${encode({ typ: "JWT", alg: "RS256", x5c: [der] })}.${encode(claims)}`;
    return `${text}.${createSign("RSA-SHA256").update(text).sign(key, "base64url")}`;
  };
  const server = createServer((request, response) => {
    const asked = new URL(request.url ?? "", "http://x").searchParams.getAll("scope");
    scopes.push(asked.join(" "));
    const known = request.headers.authorization === `Basic ${Buffer.from("jo:secret").toString("base64")}`;
    response.writeHead(known ? 200 : 401);
    response.end(
      known ? JSON.stringify({ token: sign(asked), expires_in: 300 }) : '{"details":"incorrect password"}',
    );
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const stop = async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  };
  const realm = `http://127.0.0.1:${(server.address() as AddressInfo).port}/token`;
  return { realm, certificate, scopes, [Symbol.asyncDispose]: stop };
}
