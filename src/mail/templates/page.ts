import type { Block, Letter } from './letter.ts'
import { html, Markup, unlinkedHtml } from './markup.ts'

/**
 * A letter as HTML: one column of at most 600 px in tables, as mail programs want it; light and dark; no image, no script, nothing remote.
 * Colours stand inline for programs that drop style sheets, and once more as classes for dark mode. Every contrast is 4.5:1 or more.
 */
export function letterHtml({ language, direction, subject, preview, heading, blocks, footer }: Letter): string {
  return html`<!doctype html>
<html lang="${language}" dir="${direction}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<meta name="color-scheme" content="light dark">
<meta name="supported-color-schemes" content="light dark">
<meta name="format-detection" content="telephone=no,date=no,address=no,email=no,url=no">
<title>${subject}</title>
${STYLE}
</head>
<body class="back" style="margin:0;padding:0;background-color:#eef1f4;">
<div style="display:none;max-height:0;overflow:hidden;">${unlinkedHtml(preview)}</div>
<table role="presentation" width="100%" cellpadding="0" cellspacing="0" border="0" class="back" style="background-color:#eef1f4;">
<tr><td align="center" style="padding:24px 12px;">
<table role="presentation" width="100%" cellpadding="0" cellspacing="0" border="0" class="card" style="max-width:600px;background-color:#ffffff;border-radius:8px;">
<tr><td class="ink pad" style="padding:32px;${FONT}font-size:16px;line-height:24px;color:#1b2733;text-align:start;">
<h1 class="ink" style="margin:0 0 24px;font-size:24px;line-height:30px;font-weight:bold;color:#1b2733;overflow-wrap:anywhere;">${unlinkedHtml(heading)}</h1>
${blocks.map(blockHtml)}</td></tr>
</table>
<table role="presentation" width="100%" cellpadding="0" cellspacing="0" border="0" style="max-width:600px;">
<tr><td class="quiet foot" style="padding:16px 32px;${FONT}font-size:13px;line-height:19px;color:#4a5866;text-align:start;overflow-wrap:anywhere;">
${footer.map(
  ({
    text,
    url,
  }) => html`<p style="margin:0 0 8px;">${unlinkedHtml(text)}${url === undefined ? undefined : html` <a href="${url}" class="link" style="color:#0b57b7;">${url}</a>`}</p>
`,
)}</td></tr>
</table>
</td></tr>
</table>
</body>
</html>
`.source
}

const FONT = new Markup("font-family:system-ui,-apple-system,'Segoe UI',Roboto,Helvetica,Arial,sans-serif;")

const STYLE = new Markup(`<style>
:root { color-scheme: light dark; supported-color-schemes: light dark; }
@media (prefers-color-scheme: dark) {
  .back { background-color: #11161c !important; }
  .card { background-color: #1c242d !important; }
  .ink { color: #e8edf2 !important; }
  .quiet { color: #a9b6c3 !important; }
  .line { border-color: #3d4a57 !important; }
  .button { background-color: #8ab8ff !important; }
  .button a { background-color: #8ab8ff !important; border-color: #8ab8ff !important; color: #0c1a2b !important; }
  .link { color: #9cc4ff !important; }
  .code { background-color: #11161c !important; color: #e8edf2 !important; }
}
@media (max-width: 480px) {
  .pad { padding: 24px 16px !important; }
  .fact { display: block !important; width: auto !important; padding: 0 0 8px !important; border-top-width: 0 !important; }
  .label { padding: 8px 0 0 !important; border-top-width: 1px !important; }
  .foot { padding: 16px !important; }
}
</style>`)

function blockHtml(block: Block): Markup {
  switch (block.is) {
    case 'paragraph':
      return html`<p style="margin:0 0 16px;overflow-wrap:anywhere;">${unlinkedHtml(block.text)}</p>
`
    case 'quote':
      return html`<p class="quiet" style="margin:0 0 8px;color:#4a5866;overflow-wrap:anywhere;">${unlinkedHtml(block.by)}</p>
<blockquote class="line ink" style="margin:0 0 24px;padding:4px 0 4px 16px;border-left:4px solid #b9c4cf;color:#1b2733;overflow-wrap:anywhere;">${unlinkedHtml(block.text)}</blockquote>
`
    case 'facts':
      return html`<table role="presentation" width="100%" cellpadding="0" cellspacing="0" border="0" style="margin:0 0 24px;">
${block.facts.map(
  ({ label, value }) => html`<tr>
<td class="fact label line quiet" width="150" valign="top" style="padding:8px 16px 8px 0;border-top:1px solid #d5dce3;${FONT}font-size:14px;line-height:22px;color:#4a5866;">${unlinkedHtml(label)}</td>
<td class="fact line ink" valign="top" style="padding:8px 0;border-top:1px solid #d5dce3;${FONT}font-size:16px;line-height:22px;font-weight:bold;color:#1b2733;overflow-wrap:anywhere;">${unlinkedHtml(value)}</td>
</tr>
`,
)}</table>
`
    case 'action':
      return html`<table role="presentation" cellpadding="0" cellspacing="0" border="0" style="margin:0 0 16px;">
<tr><td class="button" bgcolor="#0b57b7" style="border-radius:6px;background-color:#0b57b7;mso-padding-alt:12px 24px;"><a href="${block.url}" style="display:inline-block;padding:12px 24px;border:1px solid #0b57b7;border-radius:6px;background-color:#0b57b7;${FONT}font-size:17px;line-height:24px;font-weight:bold;color:#ffffff;text-decoration:none;">${block.label}</a></td></tr>
</table>
<p style="margin:0 0 16px;font-size:14px;line-height:20px;overflow-wrap:anywhere;word-break:break-all;"><a href="${block.url}" class="link" style="color:#0b57b7;">${block.url}</a></p>
<p style="margin:0 0 16px;">${unlinkedHtml(block.hint)}</p>
`
    case 'links':
      return html`<p style="margin:0 0 8px;font-weight:bold;">${unlinkedHtml(block.title)}</p>
<ul style="margin:0 0 24px;padding:0 0 0 24px;">
${block.links.map(
  ({
    title,
    url,
  }) => html`<li style="margin:0 0 8px;overflow-wrap:anywhere;">${unlinkedHtml(title)}<br><a href="${url}" class="link" style="color:#0b57b7;">${url}</a></li>
`,
)}</ul>
`
    case 'list':
      return html`<p style="margin:0 0 8px;font-weight:bold;">${unlinkedHtml(block.title)}</p>
<ul style="margin:0 0 24px;padding:0 0 0 24px;">
${block.items.map(
  ({
    title,
    text,
  }) => html`<li style="margin:0 0 8px;overflow-wrap:anywhere;"><b>${unlinkedHtml(title)}</b>${text === undefined ? undefined : html`<br>${unlinkedHtml(text)}`}</li>
`,
)}</ul>
`
    case 'codes':
      return html`${block.codes.map(
        code => html`<p class="code" style="margin:0 0 8px;padding:12px 16px;border-radius:6px;background-color:#eef1f4;font-family:ui-monospace,Menlo,Consolas,monospace;font-size:16px;line-height:22px;color:#1b2733;overflow-wrap:anywhere;word-break:break-all;">${code}</p>
`,
      )}<p style="margin:0 0 16px;"></p>
`
  }
}
