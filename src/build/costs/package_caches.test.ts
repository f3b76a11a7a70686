import assert from "node:assert/strict";
import { test } from "node:test";
import { packageCacheOf } from "./package_caches.ts";

test("B080 caches of package managers are known by their paths", () => {
  const cases: Record<string, string | undefined> = {
    "var/lib/apt/lists/deb.example_dists_Packages.lz4": "apt lists",
    "var/lib/apt/lists/lock": undefined,
    "var/lib/apt/lists/partial/x": undefined,
    "var/lib/apt/extended_states": undefined,
    "var/cache/apt/archives/emacs_1_amd64.deb": "apt archives",
    "var/cache/apt/archives/lock": undefined,
    "var/cache/apt/pkgcache.bin": "apt archives",
    "var/cache/debconf/config.dat": undefined,
    "var/cache/apk/APKINDEX.1.tar.gz": "apk",
    "etc/apk/world": undefined,
    "var/cache/dnf/fedora/repodata/x": "dnf",
    "var/cache/yum/x86_64/7/base": "dnf",
    "root/.npm/_cacache/content-v2/sha512/aa": "npm",
    "root/.npm/_logs/x.log": undefined,
    "home/node/.npm/_cacache/index-v5/bb": "npm",
    "usr/local/share/.cache/yarn/v6/npm-x": "yarn",
    "root/.cache/pip/http-v2/a": "pip",
    "root/.cache/uv/wheels/a": "pip",
    "usr/local/cargo/registry/cache/a.crate": "cargo",
    "usr/local/cargo/bin/cargo": undefined,
    "root/.cache/go-build/00/a": "go",
    "root/.composer/cache/repo/a": "composer",
    "app/node_modules/.cache/a": undefined,
    "srv/var/cache/apk/a": undefined,
  };
  for (const [path, cache] of Object.entries(cases)) assert.equal(packageCacheOf(path), cache, path);
});
