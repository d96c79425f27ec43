import { html } from 'hono/html'
import { CATALOGUES, LANGUAGES, type Language } from './language.ts'
import { STYLE_PATH } from './style.ts'
import type { Texts } from './texts/en.ts'

/** A piece of a page: text in it is escaped already. */
export type Html = ReturnType<typeof html>

/** What surrounds every page. */
export interface Frame {
  language: Language
  t: Texts
  /** Path of the page for a plain GET: where the language links lead. */
  path: string
  /** Shown on top; absent: Roster. */
  brand?: string | undefined
  privacyUrl?: string | undefined
  /** Who is signed in, with the token of the form that signs out. */
  signedIn?: { address: string; signOutToken: string } | undefined
}

export interface Page {
  title: string
  body: Html
  /** `task`: one thing to do, in a narrow column. `wide`: much to see. */
  width?: 'task' | 'wide'
  /** A form on it was not taken: said in the title too, so that it is the first thing that is read out. */
  problem?: boolean
}

/** The whole document. No script, no style inside, nothing from elsewhere. */
export const layout = (
  { language, t, path, brand, privacyUrl, signedIn }: Frame,
  { title, body, width = 'task', problem }: Page,
): Html => html`<!doctype html>
<html lang="${language}" dir="ltr">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="robots" content="noindex, nofollow">
<title>${problem ? `${t.problem}: ` : ''}${title} · ${brand ?? t.brand}</title>
<link rel="stylesheet" href="${STYLE_PATH}">
<link rel="icon" href="data:,">
</head>
<body class="${width}">
<a class="skip" href="#content">${t.skip}</a>
<header>
<a class="brand" href="/"><span class="mark" aria-hidden="true"></span>${brand ?? t.brand}</a>
${
  signedIn
    ? html`<form class="signed-in" method="post" action="/sign-out">
<span class="who">${signedIn.address}</span>
<input type="hidden" name="form" value="${signedIn.signOutToken}">
<button class="plain" type="submit">${t.signOut}</button>
</form>`
    : ''
}
</header>
<main id="content" tabindex="-1">
${body}
</main>
<footer>
<nav aria-label="${t.languageChoice}">
<ul>
${LANGUAGES.map(one =>
  one === language
    ? html`<li><span aria-current="true">${CATALOGUES[one].languageName}</span></li>`
    : html`<li><a href="${path}?lang=${one}" lang="${one}" hreflang="${one}">${CATALOGUES[one].languageName}</a></li>`,
)}
</ul>
</nav>
${privacyUrl ? html`<a href="${privacyUrl}" rel="noopener noreferrer">${t.privacy}</a>` : ''}
</footer>
</body>
</html>
`
