import { html } from 'hono/html'
import type { Html, Page } from './layout.ts'

/** A page that says one thing, and what can be done now. */
export const messagePage = (title: string, texts: readonly string[], action?: Html | ''): Page => ({
  title,
  body: html`<section class="sheet">
<h1>${title}</h1>
${texts.map((text, index) => html`<p class="${index === 0 ? 'lead' : 'small'}">${text}</p>`)}
${action ?? ''}
</section>`,
})
