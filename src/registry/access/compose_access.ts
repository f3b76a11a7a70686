/**
 * Builds what the configuration's `auth` says. distribution's keys mean what they mean there:
 *
 *     none
 *     silly     realm, service
 *     htpasswd  realm, path (must be there: no user is made up for a missing file)
 *     token     realm, service, issuer; rootcertbundle or jwks (a file; ours: also a URL); autoredirect, autoredirectpath,
 *               signingalgorithms: tokens of another server
 *
 * Ours stand beside them:
 *
 *     issuer      this registry gives out tokens itself: service, issuer, realm, key (PEM file, shared by instances), algorithm
 *                 (of a key that is made), expires, refreshexpires
 *     rules       list of {effect, everyone, users, groups, repositories, actions}: see `rules/rules.ts`
 *     groups      users by group; groupsfile: the same as a file of `group: user user`
 *     oidc        list of {issuer, audience, jwks, identities: [{claims, user, groups, groupsclaim}]}: tokens of CI systems
 *     custom      module, options: a controller of one's own, alone
 */
import { Failure } from "../../errors.ts";
import { ConfigFields } from "./config_fields.ts";
import { loadCustomAccess } from "./custom_access.ts";
import { HtpasswdSource } from "./htpasswd/htpasswd_source.ts";
import { HtpasswdUsers } from "./htpasswd/htpasswd_users.ts";
import { openAccess, sillyAccess } from "./open_access.ts";
import { issuerLogin } from "./issuer/issuer_login.ts";
import { parseIssuer } from "./issuer/parse_issuer.ts";
import { TokenEndpoint } from "./issuer/token_endpoint.ts";
import { parseOidc } from "./oidc/parse_oidc.ts";
import { Groups } from "./rules/groups.ts";
import { parseRules, type ParsedRules } from "./rules/parse_rules.ts";
import { usualRules } from "./rules/rules.ts";
import { StandardAccess } from "./standard_access.ts";
import { BearerSources } from "./tokens/bearer_sources.ts";
import { parseToken } from "./tokens/parse_token.ts";
import { TokenPasswords } from "./tokens/token_passwords.ts";
import type { Access, AccessController } from "./types.ts";

export interface ComposeAccessOptions {
  /** Told what the operator should know and clients should not: why a token was refused, which file became unusable. */
  readonly onProblem?: (failure: Failure) => void;
  /** Default `Date.now`. Milliseconds. */
  readonly now?: () => number;
}

const alone = ["none", "silly", "custom"] as const;
const combined = ["htpasswd", "token", "issuer", "oidc", "rules", "groups", "groupsfile"] as const;

/**
 * @param config the value of `auth`, undefined: none
 * @throws Failure "invalid" that names the key; "not-found", "denied" for files that cannot be read
 */
export async function composeAccess(config: unknown, options: ComposeAccessOptions = {}): Promise<Access> {
  const value = typeof config === "string" ? { [config]: {} } : config;
  const auth = new ConfigFields(value, "auth", [...alone, ...combined]);
  const single = alone.find((key) => auth.has(key) || auth.raw(key) === null);
  const others = [...alone, ...combined].filter((key) => key !== single && auth.has(key));
  if (single === undefined) return others.length === 0 ? plain(openAccess) : composeStandard(auth, options);
  if (others.length > 0)
    throw new Failure("invalid", `auth: ${single} does not go together with ${others.join(", ")}`);
  return plain(await aloneOf(auth, single));
}

async function aloneOf(auth: ConfigFields, key: (typeof alone)[number]): Promise<AccessController> {
  switch (key) {
    case "none":
      return openAccess;
    case "silly": {
      const fields = new ConfigFields(auth.raw("silly"), "auth.silly", ["realm", "service"]);
      return sillyAccess(fields.text("realm"), fields.text("service"));
    }
    case "custom": {
      const fields = new ConfigFields(auth.raw("custom"), "auth.custom", ["module", "options"]);
      return loadCustomAccess(fields.text("module"), fields.raw("options"));
    }
  }
}

async function composeStandard(auth: ConfigFields, options: ComposeAccessOptions): Promise<Access> {
  const { onProblem, now = Date.now } = options;
  const rules = parseRules(auth);
  checkCombination(auth, rules);
  const htpasswd = await openHtpasswd(auth, options);
  const groups = new Groups({
    groups: auth.textsByName("groups"),
    file: auth.textOr("groupsfile", undefined),
    onProblem,
  });
  await groups.of("");
  const users = htpasswd && new HtpasswdSource(htpasswd.users, groups);
  const providers = parseOidc(auth, now);
  const passwords = new TokenPasswords(new BearerSources(providers), users);
  const issuing = await parseIssuer(auth, { passwords, rules: rules?.rules ?? usualRules, onProblem, now });
  const external = await parseToken(auth, { onProblem, now });
  const sources = [
    ...providers,
    ...(issuing ? [issuing.issuer] : []),
    ...(external ? [external.tokens] : []),
  ];
  const realm = htpasswd?.realm ?? "varve";
  const controller = new StandardAccess({
    passwords: users !== undefined || providers.length > 0 ? passwords : undefined,
    tokens: sources.length > 0 ? new BearerSources(sources) : undefined,
    rules: rules?.rules ?? (external ? undefined : usualRules),
    challenge: issuing?.challenge ?? external?.challenge ?? { kind: "basic", realm },
    onProblem,
  });
  const endpoint = issuing && new TokenEndpoint({ ...issuing, passwords, realm });
  return {
    controller,
    ...(issuing && { login: issuerLogin(issuing.issuer, passwords) }),
    answer: async (request, response) => (await endpoint?.answer(request, response)) ?? false,
    [Symbol.asyncDispose]: async () => htpasswd?.users[Symbol.asyncDispose](),
  };
}

async function openHtpasswd(auth: ConfigFields, { onProblem }: ComposeAccessOptions) {
  if (!auth.has("htpasswd")) return undefined;
  const fields = new ConfigFields(auth.raw("htpasswd"), "auth.htpasswd", ["realm", "path"]);
  const [realm, path] = [fields.text("realm"), fields.text("path")];
  const users = new HtpasswdUsers(path, { onProblem });
  await users.hashOf("");
  return { realm, users };
}

function checkCombination(auth: ConfigFields, rules: ParsedRules | undefined): void {
  const refuse = (message: string, hint: string): never => {
    throw new Failure("invalid", message, { hint });
  };
  const [htpasswd, token, issuer, oidc] = ["htpasswd", "token", "issuer", "oidc"].map((key) => auth.has(key));
  if (token && (issuer || htpasswd))
    refuse(
      `auth: token does not go together with ${issuer ? "issuer" : "htpasswd"}`,
      "tokens come from one place: token is for another server's, issuer for our own",
    );
  if (!token && !htpasswd && !oidc && !issuer)
    refuse("auth: nobody can log in", "add htpasswd, token, issuer or oidc, or leave auth out");
  if (oidc && rules === undefined)
    refuse("auth: oidc needs rules", "say in auth.rules what the providers' users and groups may do");
  if (rules?.openToAnonymous && !issuer && !token)
    refuse(
      "auth.rules: a rule for everyone needs issuer",
      "docker cannot pull without credentials from a registry that asks for a password; with auth.issuer it gets a token",
    );
}

function plain(controller: AccessController): Access {
  return { controller, answer: () => Promise.resolve(false), [Symbol.asyncDispose]: () => Promise.resolve() };
}
