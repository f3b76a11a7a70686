/** The registry's pages for people, in a real browser: by keyboard alone, on a phone, without scripts, light and dark. */
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, test } from "node:test";
import { scratch } from "../suites/scratch.ts";
import { startBrowser, unlessBrowser, type Browser, type BrowserPage } from "../support/browser.ts";
import { serveWeb } from "../support/web_fixture.ts";

/** Of "secret". */
const hash = "$2y$05$z6svPfy.SWgXRnnClm49O.sT8kSpPOmsktWyCNpIV2N2VO9V0HcX6";
const pages = [
  "/",
  "/ui/team/app",
  "/ui/team/app:v1",
  "/ui/team/app:v1?view=history",
  "/ui/team/app:v1?view=delete",
  "/ui/_trash",
];

async function serveImages() {
  const web = await serveWeb();
  const long = "a-very-long-name/".repeat(12) + "end";
  await web.push.image(long, "t".repeat(128), {
    steps: ["x".repeat(500)],
    config: { Env: ["Y=".padEnd(900, "y")] },
  });
  await web.push.image("team/app", "v1", { layers: ["one"] });
  await web.push.image("team/app", "v1", {
    layers: ["one", "two"],
    config: { Labels: { "org.example.label": "z".repeat(300) }, Entrypoint: ["/app"], User: "app" },
    annotations: { "org.example.annotation": "w".repeat(300) },
  });
  return { ...web, pages: [...pages, `/ui/${long}`, `/ui/${long}:${"t".repeat(128)}`] };
}

let browser: Browser | undefined;
after(() => browser?.[Symbol.asyncDispose]());
const newPage = () => (browser ??= startBrowser()).newPage();

/** Presses Tab until what has the focus is called so; fails when the focus has gone round. */
async function tabTo(page: BrowserPage, name: string): Promise<void> {
  const seen: string[] = [];
  for (let count = 0; count < 100; count++) {
    await page.press("Tab");
    const focused = await page.evaluate<string>(
      "(document.activeElement.getAttribute('aria-label') ?? document.activeElement.innerText ?? '').trim()",
    );
    if (focused.startsWith(name)) return;
    seen.push(focused);
  }
  assert.fail(`${name} is not reached; seen: ${seen.join(" | ")}`);
}

async function follow(page: BrowserPage, name: string): Promise<void> {
  await tabTo(page, name);
  const outline = await page.evaluate<string>("getComputedStyle(document.activeElement).outlineStyle");
  assert.equal(outline, "solid", `the focus on ${name} is seen`);
  await page.press("Enter", { navigates: true });
}

const heading = (page: BrowserPage) => page.evaluate<string>("document.querySelector('h1').innerText");
const notice = (page: BrowserPage) => page.evaluate<string>("document.querySelector('.notice').innerText");

for (const scripts of [true, false]) {
  test(
    `from / to deleting a tag and taking it back with Tab and Enter alone, ${scripts ? "with" : "without"} scripts`,
    { skip: unlessBrowser },
    async () => {
      await using web = await serveImages();
      const page = await newPage();
      await page.allowScripts(scripts);
      await page.open(web.origin);
      assert.equal(await heading(page), "Repositories");
      await follow(page, "team/app");
      await follow(page, "v1");
      assert.equal(await heading(page), "v1");
      await follow(page, "Delete");
      assert.equal(await heading(page), "Delete v1?");
      await follow(page, "Delete the tag v1");
      assert.match(await notice(page), /The tag v1 was deleted/);
      await follow(page, "Take it back");
      assert.equal(await heading(page), "History of v1");
      await follow(page, "Restore v1 to sha256:");
      assert.match(await notice(page), /leads there again/);
      assert.equal(await heading(page), "v1");
      assert.deepEqual(page.problems, []);
    },
  );
}

test(
  "on a phone no page is wider than the screen; nothing is refused or wrong on any",
  { skip: unlessBrowser },
  async () => {
    await using web = await serveImages();
    const page = await newPage();
    for (const width of [360, 1280]) {
      await page.resize(width, 740);
      for (const path of web.pages) {
        await page.open(web.origin + path);
        const found = await page.evaluate<number>("document.documentElement.scrollWidth");
        assert.ok(found <= width, `${path} is ${found} wide on ${width}`);
      }
    }
    assert.deepEqual(page.problems, []);
  },
);

/** Text whose contrast to what is behind it is less than 4.5 (WCAG 2, 1.4.3), by the formulas of that document. */
const faint = `(() => {
  const rgb = (text) => text.match(/[\\d.]+/g).map(Number);
  const light = (color) => {
    const [r, g, b] = color.map((part) => (part /= 255) <= 0.03928 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const behind = (element) => {
    for (let each = element; each; each = each.parentElement) {
      const color = rgb(getComputedStyle(each).backgroundColor);
      if (color.length < 4 || color[3] === 1) return color;
    }
    return [255, 255, 255];
  };
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  const found = [];
  while (texts.nextNode()) {
    const { parentElement: element, data } = texts.currentNode;
    if (data.trim() === "" || /^(SCRIPT|STYLE)$/.test(element.tagName)) continue;
    const [a, b] = [light(rgb(getComputedStyle(element).color)), light(behind(element))];
    const contrast = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (contrast < 4.5) found.push(data.trim() + ": " + contrast);
  }
  return found;
})()`;

test("text stands out from its ground by 4.5, light and dark", { skip: unlessBrowser }, async () => {
  await using web = await serveImages();
  const page = await newPage();
  const grounds = new Set<string>();
  for (const scheme of ["light", "dark"] as const) {
    await page.prefer(scheme);
    for (const path of [...web.pages, "/ui/team/app:v1?done=restored", "/ui/nothing"]) {
      await page.open(web.origin + path);
      assert.deepEqual(await page.evaluate<string[]>(faint), [], `${path}, ${scheme}`);
    }
    grounds.add(await page.evaluate<string>("getComputedStyle(document.body).backgroundColor"));
  }
  assert.equal(grounds.size, 2);
});

test("commands are copied as they are to be typed, and read by name", { skip: unlessBrowser }, async () => {
  await using web = await serveImages();
  const page = await newPage();
  await page.open(`${web.origin}/ui/team/app:v1`);
  const command = `docker pull ${web.host}/team/app:v1`;
  await tabTo(page, `Copy ${command}`);
  await page.press("Enter");
  const said = await page.evaluate<string>(
    "new Promise((resolve) => { const look = () => document.activeElement.innerText === 'Copy' ? requestAnimationFrame(look) : resolve(document.activeElement.innerText); look(); })",
  );
  assert.match(said, /^(Copied|Selected)$/);
  const texts = await page.evaluate<string[]>(
    "[...document.querySelectorAll('code[data-copy]')].map((code) => code.textContent)",
  );
  assert.deepEqual(texts.slice(0, 3), [
    command,
    `podman pull --tls-verify=false ${web.host}/team/app:v1`,
    `varve pull ${web.host}/team/app:v1`,
  ]);
  const unnamed = await page.evaluate<string[]>(
    "[...document.querySelectorAll('a, button, input:not([type=hidden])')].filter((each) => !(each.innerText || each.getAttribute('aria-label') || each.labels?.length)).map((each) => each.outerHTML)",
  );
  assert.deepEqual(unnamed, []);
  const levels = await page.evaluate<number[]>(
    "[...document.querySelectorAll('h1,h2,h3')].map((each) => Number(each.tagName[1]))",
  );
  assert.deepEqual([levels[0], levels.filter((level) => level === 1).length], [1, 1]);
});

test(
  "logging in and out by keyboard where the registry gives out tokens",
  { skip: unlessBrowser },
  async () => {
    using directory = scratch("web");
    const path = join(directory.path, "htpasswd");
    writeFileSync(path, `jo:${hash}\n`);
    await using web = await serveWeb({ auth: { htpasswd: { realm: "r", path }, issuer: {} } });
    web.push.as(`Basic ${Buffer.from("jo:secret").toString("base64")}`);
    await web.push.image("team/app", "v1");
    const page = await newPage();
    await page.open(`${web.origin}/ui/team/app:v1`);
    assert.equal(await heading(page), "Log in");
    for (const text of ["jo", "secret"]) {
      const field = text === "jo" ? "user" : "password";
      while ((await page.evaluate<string>("document.activeElement.name ?? ''")) !== field)
        await page.press("Tab");
      await page.type(text);
    }
    await page.press("Enter", { navigates: true });
    assert.equal(await heading(page), "v1");
    assert.equal(await page.evaluate<string>("document.cookie"), "", "no script can read the session");
    await follow(page, "Log out");
    assert.equal(await heading(page), "Log in");
  },
);
