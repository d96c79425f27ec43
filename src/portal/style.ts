import { createHash } from 'node:crypto'

/** The one style sheet. Sizes follow the reader's; colours come in a light and a dark set with at least 4.5:1 for text; in forced colours, borders carry what shades did. */
export const STYLE = `
:root {
  color-scheme: light dark;
  --ground: #f4f5f2; --sheet: #ffffff; --ink: #1b2320; --soft: #55605b; --line: #d9ddd7; --edge: #7c8782;
  --accent: #14594a; --accent-strong: #0d4337; --on-accent: #ffffff; --tint: #e6f0ec;
  --warn: #7a4a00; --warn-tint: #fdf3df; --warn-line: #e3c078; --bad: #9c1c1c; --bad-tint: #fdeceb; --bad-line: #e0a3a0;
  --shadow: 0 1px 2px rgb(20 40 32 / .06), 0 12px 32px -12px rgb(20 40 32 / .16);
}
@media (prefers-color-scheme: dark) {
  :root {
    --ground: #111614; --sheet: #1a211e; --ink: #e9eeeb; --soft: #a9b5af; --line: #2f3a35; --edge: #7b8983;
    --accent: #7fd1b9; --accent-strong: #a5e3d1; --on-accent: #0b2119; --tint: #20332c;
    --warn: #f0c674; --warn-tint: #33290f; --warn-line: #6b5523; --bad: #ffb0aa; --bad-tint: #3a1b1a; --bad-line: #7b3b38;
    --shadow: none;
  }
}
*, *::before, *::after { box-sizing: border-box; }
html { font: 100%/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "DejaVu Sans", sans-serif; -webkit-text-size-adjust: 100%; }
body { margin: 0; min-height: 100vh; display: flex; flex-direction: column; background: var(--ground); color: var(--ink); overflow-wrap: anywhere; }
a { color: var(--accent); text-underline-offset: .2em; text-decoration-thickness: .06em; }
a:hover { color: var(--accent-strong); text-decoration-thickness: .12em; }
:focus-visible { outline: 3px solid var(--accent); outline-offset: 3px; border-radius: 4px; }
main:focus { outline: none; }
.skip { position: absolute; left: 1rem; top: -4rem; padding: .6rem 1rem; background: var(--sheet); z-index: 1; }
.skip:focus { top: .5rem; }
header, footer { width: 100%; max-width: 36rem; margin: 0 auto; padding: 1.25rem 1.25rem; display: flex; flex-wrap: wrap; gap: .5rem 1.5rem; align-items: center; justify-content: space-between; }
.wide header, .wide footer { max-width: 62rem; }
.brand { display: inline-flex; align-items: center; gap: .6rem; min-height: 2rem; font-weight: 650; letter-spacing: -.01em; color: var(--ink); text-decoration: none; }
.brand:hover { color: var(--accent); }
.mark { width: 1.1rem; height: 1.1rem; border-radius: 50%; border: .28rem solid var(--accent); flex: none; }
.signed-in { display: flex; flex-wrap: wrap; align-items: center; gap: .25rem 1rem; margin: 0; }
.who { color: var(--soft); font-size: .9rem; }
footer { margin-top: auto; padding-bottom: 2rem; color: var(--soft); font-size: .9rem; }
footer ul { list-style: none; display: flex; flex-wrap: wrap; gap: .25rem 1rem; margin: 0; padding: 0; }
footer li > * { display: inline-block; min-height: 1.75rem; line-height: 1.75rem; }
footer [aria-current] { color: var(--ink); font-weight: 600; }
main { width: 100%; max-width: 36rem; margin: 0 auto; padding: 0 1.25rem 3rem; }
.wide main { max-width: 62rem; }
.sheet { background: var(--sheet); border: 1px solid var(--line); border-radius: 14px; padding: clamp(1.25rem, 5vw, 2.5rem); box-shadow: var(--shadow); }
.sheet + .sheet { margin-top: 1.25rem; }
h1 { margin: 0 0 .75rem; font-size: clamp(1.5rem, 1.15rem + 1.6vw, 2rem); line-height: 1.2; letter-spacing: -.02em; font-weight: 680; text-wrap: balance; }
h2 { margin: 0 0 .5rem; font-size: 1.3rem; line-height: 1.3; letter-spacing: -.01em; }
h3 { margin: 1.75rem 0 .5rem; font-size: .82rem; line-height: 1.4; letter-spacing: .04em; text-transform: uppercase; color: var(--soft); font-weight: 650; }
p { margin: 0 0 1rem; }
.lead { font-size: 1.05rem; color: var(--soft); }
.small, .hint { font-size: .9rem; color: var(--soft); }
.facts { margin: 1.5rem 0; border-top: 1px solid var(--line); }
.facts > div { display: grid; grid-template-columns: 7rem 1fr; gap: .1rem 1rem; padding: .8rem 0; border-bottom: 1px solid var(--line); }
.facts dt { color: var(--soft); font-size: .92rem; }
.facts dd { margin: 0; }
.facts ul, .roles { list-style: none; margin: 0; padding: 0; }
.facts li + li { margin-top: .5rem; }
.facts .small, .roles .small { display: block; }
@media (max-width: 30rem) { .facts > div { grid-template-columns: 1fr; } }
.quote { margin: 1.5rem 0; padding: .25rem 0 .25rem 1.1rem; border-left: 3px solid var(--accent); }
.quote figcaption { font-size: .9rem; color: var(--soft); margin-bottom: .25rem; }
.quote blockquote { margin: 0; white-space: pre-line; }
.note { padding: .8rem 1rem; border-radius: 10px; background: var(--tint); border: 1px solid transparent; }
.warn { padding: 1rem 1.1rem; border-radius: 10px; background: var(--warn-tint); border: 1px solid var(--warn-line); }
.warn strong, .warn h2 { color: var(--warn); }
.warn h2 { font-size: 1.05rem; margin-bottom: .25rem; }
.warn p:last-child, .note p:last-child { margin-bottom: 0; }
.problem { margin: 0 0 1.25rem; padding: .8rem 1rem; border-radius: 10px; background: var(--bad-tint); border: 1px solid var(--bad-line); color: var(--bad); font-weight: 600; }
.banner { margin-bottom: 1.25rem; }
form { margin: 1.5rem 0 0; }
.field { margin-bottom: 1.1rem; }
label { display: block; font-weight: 600; margin-bottom: .3rem; }
input:not([type=checkbox], [type=hidden]) { width: 100%; min-height: 2.9rem; padding: .55rem .8rem; font: inherit; color: inherit; background: var(--sheet); border: 1px solid var(--edge); border-radius: 9px; }
input[readonly] { background: var(--ground); border-style: dashed; }
input[aria-invalid=true] { border: 2px solid var(--bad); }
.hint { margin: .3rem 0 0; }
.check { display: flex; gap: .7rem; align-items: flex-start; font-weight: 400; }
.check input { flex: none; width: 1.5rem; height: 1.5rem; margin: 0; accent-color: var(--accent); }
button, .button { display: inline-flex; align-items: center; justify-content: center; min-height: 2.9rem; padding: .6rem 1.4rem; font: inherit; font-weight: 640; line-height: 1.25; text-align: center; text-decoration: none; color: var(--on-accent); background: var(--accent); border: 1px solid transparent; border-radius: 9px; cursor: pointer; }
button:hover, .button:hover { background: var(--accent-strong); color: var(--on-accent); }
.task button.main, .task .button.main { width: 100%; }
button.second { color: var(--ink); background: transparent; border-color: var(--edge); }
button.second:hover { background: var(--tint); color: var(--ink); }
button.plain { min-height: 2rem; padding: .2rem .1rem; color: var(--accent); background: none; font-weight: 500; text-decoration: underline; text-underline-offset: .2em; }
button.plain:hover { color: var(--accent-strong); background: none; }
details { border-top: 1px solid var(--line); margin-top: 1.75rem; padding-top: .75rem; }
summary { cursor: pointer; min-height: 1.75rem; padding: .25rem 0; font-weight: 550; }
details form { margin-top: .75rem; }
.aside { margin: 1.25rem 0 0; color: var(--soft); font-size: .93rem; }
.contacts { list-style: none; margin: .25rem 0 0; padding: 0; }
.contacts li { padding: .15rem 0; }
.place-head { display: flex; flex-wrap: wrap; gap: .35rem 1rem; align-items: baseline; justify-content: space-between; }
.badge { display: inline-block; padding: .1rem .65rem; border-radius: 99px; font-size: .82rem; font-weight: 640; background: var(--tint); color: var(--accent); border: 1px solid transparent; white-space: nowrap; }
.badge.quiet { background: var(--warn-tint); color: var(--warn); }
.columns { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 17rem), 1fr)); gap: 0 2.5rem; }
.roles > li { padding: .6rem 0; border-bottom: 1px solid var(--line); }
.roles > li:last-child { border-bottom: 0; }
.roles details, .help details { border: 0; margin: .2rem 0 0; padding: 0; }
.help summary { font-weight: 450; }
.roles summary { font-size: .9rem; font-weight: 450; color: var(--accent); }
.allows { display: flex; flex-wrap: wrap; gap: .35rem; list-style: none; margin: .35rem 0 .25rem; padding: 0; }
.allows li { font-size: .85rem; padding: .1rem .55rem; border: 1px solid var(--line); border-radius: 6px; }
.links { list-style: none; margin: 0; padding: 0; }
.links li { padding: .2rem 0; min-height: 1.75rem; }
.go { margin: 1.25rem 0 0; }
table { width: 100%; border-collapse: collapse; font-size: .95rem; }
th { text-align: left; font-size: .82rem; color: var(--soft); font-weight: 640; }
th, td { padding: .6rem .75rem .6rem 0; border-bottom: 1px solid var(--line); vertical-align: top; }
@media (max-width: 40rem) { table, tbody, tr, td { display: block; } thead { display: none; } td { border: 0; padding: .1rem 0; } tr { padding: .6rem 0; border-bottom: 1px solid var(--line); } }
pre { white-space: pre-wrap; overflow-wrap: anywhere; font: .9rem/1.5 ui-monospace, "DejaVu Sans Mono", Menlo, Consolas, monospace; background: var(--ground); border: 1px solid var(--line); border-radius: 10px; padding: 1rem; margin: 0 0 1rem; }
iframe { width: 100%; height: 54rem; border: 1px solid var(--line); border-radius: 10px; background: #fff; }
@media (forced-colors: active) { .mark { border-color: CanvasText; } button, .button, .note, .badge { border-color: CanvasText; } button.plain { border-color: transparent; } }
@media (prefers-reduced-motion: no-preference) { button, .button, a { transition: background-color .12s, color .12s; } }
@media print { header form, footer, form { display: none; } .sheet { border: 0; box-shadow: none; } }
`

/** The address changes with the content, so it may be kept for ever. */
export const STYLE_PATH = `/style.${createHash('sha256').update(STYLE).digest('hex').slice(0, 12)}.css`
