/** The one stylesheet. Colours are chosen for a contrast of 4.5 and more, light and dark. */
export const style = `
:root {
  color-scheme: light dark;
  --ground: #f7f6f3; --card: #fff; --text: #1d2126; --soft: #565d66; --line: #dcd9d2;
  --link: #0a5a8a; --accent: #0a5a8a; --on-accent: #fff; --danger: #a3241b; --code: #efede8;
  --good: #e3f1e4; --good-text: #14491b; --bad: #fbe6e3; --bad-text: #7d1a13;
}
@media (prefers-color-scheme: dark) {
  :root {
    --ground: #14171a; --card: #1c2025; --text: #e6e4df; --soft: #a5abb3; --line: #33393f;
    --link: #7cc0ee; --accent: #7cc0ee; --on-accent: #10151a; --danger: #ff9b90; --code: #262b31;
    --good: #17321b; --good-text: #b6e5bb; --bad: #41201d; --bad-text: #ffc9c3;
  }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--ground); color: var(--text); font: 16px/1.5 system-ui, sans-serif; }
a { color: var(--link); text-underline-offset: .15em; }
:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; border-radius: 3px; }
.skip { position: absolute; left: -999px; }
.skip:focus { left: 1rem; top: .5rem; background: var(--card); padding: .3rem .6rem; z-index: 1; }
body > header { background: var(--card); border-bottom: 1px solid var(--line); }
.bar, main, body > footer { max-width: 68rem; margin: 0 auto; padding: 0 1rem; }
.bar { display: flex; flex-wrap: wrap; align-items: center; gap: .3rem 1.2rem; min-height: 3.2rem; padding-block: .5rem; }
.bar nav { display: flex; gap: 1.2rem; flex: 1; }
.brand { display: inline-flex; align-items: center; gap: .5rem; font-weight: 650; color: var(--text); text-decoration: none; }
.brand svg { width: 1.4rem; height: 1.4rem; color: var(--accent); }
.who { display: flex; align-items: center; gap: .6rem; color: var(--soft); overflow-wrap: anywhere; }
main { padding-bottom: 3rem; }
body > footer { color: var(--soft); font-size: .85rem; padding-bottom: 1.5rem; }
.crumbs { margin: 1rem 0 0; color: var(--soft); font-size: .9rem; overflow-wrap: anywhere; }
h1 { font-size: 1.5rem; line-height: 1.25; margin: .4rem 0 1rem; overflow-wrap: anywhere; }
main > h1:first-child { margin-top: 1.2rem; }
h2 { font-size: 1.1rem; margin: 2rem 0 .6rem; }
h3 { font-size: 1rem; margin: 0; }
p { margin: .5rem 0; }
.soft { color: var(--soft); }
code, pre { font: .875em/1.5 ui-monospace, "DejaVu Sans Mono", Menlo, Consolas, monospace; }
code { overflow-wrap: anywhere; }
.rows { list-style: none; margin: 0; padding: 0; background: var(--card); border: 1px solid var(--line); border-radius: 8px; }
.rows > li { padding: .6rem .9rem; border-top: 1px solid var(--line); display: grid; gap: .1rem 1rem; grid-template-columns: minmax(0, 1fr) auto; align-items: baseline; }
.rows > li:first-child { border-top: 0; }
.rows .main { font-weight: 600; overflow-wrap: anywhere; }
.rows .side { text-align: right; white-space: nowrap; font-variant-numeric: tabular-nums; }
.rows .more { grid-column: 1 / -1; color: var(--soft); font-size: .9rem; overflow-wrap: anywhere; }
.rows form { margin: 0; }
.tags { display: flex; flex-wrap: wrap; gap: .3rem; list-style: none; margin: 0; padding: 0; }
.tags > li, .tag { background: var(--code); color: var(--text); border-radius: 4px; padding: 0 .45rem; font-size: .85rem; overflow-wrap: anywhere; }
.switch { display: flex; flex-wrap: wrap; gap: .4rem; list-style: none; margin: .8rem 0; padding: 0; }
.switch a { display: block; padding: .25rem .8rem; border: 1px solid var(--line); border-radius: 999px; background: var(--card); text-decoration: none; }
.switch a[aria-current] { background: var(--accent); color: var(--on-accent); border-color: var(--accent); }
dl { display: grid; grid-template-columns: minmax(6rem, max-content) minmax(0, 1fr); gap: .35rem 1.2rem; margin: 0; background: var(--card); border: 1px solid var(--line); border-radius: 8px; padding: .8rem .9rem; }
dt { color: var(--soft); }
dd { margin: 0; overflow-wrap: anywhere; min-width: 0; }
dd ul { list-style: none; margin: 0; padding: 0; }
dd > button { margin-left: .5rem; }
.command { display: flex; gap: .5rem; align-items: flex-start; margin: .4rem 0; }
.command code { flex: 1; background: var(--code); border-radius: 6px; padding: .35rem .6rem; user-select: all; }
button, .button { font: inherit; font-size: .9rem; padding: .3rem .8rem; border: 1px solid var(--accent); border-radius: 6px; background: var(--card); color: var(--accent); cursor: pointer; text-decoration: none; display: inline-block; white-space: nowrap; }
button.strong { background: var(--accent); color: var(--on-accent); }
button.danger, .button.danger { border-color: var(--danger); color: var(--danger); }
.actions { display: flex; flex-wrap: wrap; gap: .6rem; align-items: center; margin: 1rem 0; }
.actions form { margin: 0; }
form { max-width: 100%; }
.search { display: flex; gap: .5rem; margin: 0 0 1rem; max-width: 30rem; }
input { font: inherit; padding: .3rem .6rem; border: 1px solid var(--soft); border-radius: 6px; background: var(--card); color: var(--text); min-width: 0; width: 100%; }
.login { max-width: 24rem; display: grid; gap: .8rem; }
.notice { border-radius: 8px; padding: .6rem .9rem; margin: 1rem 0; background: var(--good); color: var(--good-text); overflow-wrap: anywhere; }
.notice.bad { background: var(--bad); color: var(--bad-text); }
.notice a { color: inherit; }
@media (max-width: 34rem) {
  dl { grid-template-columns: minmax(0, 1fr); gap: 0; }
  dd { margin-bottom: .5rem; }
  .rows > li { grid-template-columns: minmax(0, 1fr); }
  .rows .side { text-align: left; white-space: normal; }
}
`;
