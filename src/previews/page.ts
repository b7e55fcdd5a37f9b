import { decodeHTML, decodeHTMLAttribute } from 'entities/decode';
import { LIMITS } from '../protocol/limits.ts';

/** What a page says of itself. */
export interface PageFacts {
  title?: string;
  description?: string;
  site_name?: string;
}

/** Where each fact may stand, the best place first. */
const PLACES = {
  title: ['og:title', 'twitter:title', 'title'],
  description: ['og:description', 'twitter:description', 'description'],
  site_name: ['og:site_name', 'application-name'],
} as const;

/** Characters of the title's text that are looked at. */
const TITLE_READ = 4096;

/** Controls, and what turns the direction of the text around it: a stranger's page must not dress up what stands beside it. */
const UNSHOWN = /[\p{Cc}\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]+/gu;

/** A line that can be shown, within so many characters; undefined: nothing is left. */
function shown(text: string, length: number): string | undefined {
  const line = text.toWellFormed().replace(/\s+/gu, ' ').replace(UNSHOWN, '').trim();
  const cut = line.length > length ? `${line.slice(0, length - 1).trimEnd()}…` : line;
  return cut === '' ? undefined : cut.toWellFormed();
}

/** Reads what an HTML page says of itself, as far as it comes. Nothing in it runs, and nothing else is fetched. */
export async function readPage(page: Response): Promise<PageFacts> {
  const found = new Map<string, string>();
  const note = (name: string, text: string) => {
    if (!found.has(name) && text !== '') found.set(name, text);
  };
  let title = '';
  const rewriter = new HTMLRewriter()
    .on('head > title', {
      text: (chunk) => {
        if (title.length < TITLE_READ) title += chunk.text;
      },
    })
    .on('meta[content]', {
      element: (element) => {
        const name = element.getAttribute('property') ?? element.getAttribute('name');
        if (name !== null) note(name.toLowerCase(), decodeHTMLAttribute(element.getAttribute('content') ?? ''));
      },
    });
  await rewriter.transform(page).body?.pipeTo(new WritableStream());
  note('title', decodeHTML(title.slice(0, TITLE_READ)));
  const fact = (name: keyof typeof PLACES, length: number) => {
    const text = PLACES[name].map((place) => found.get(place)).find((value) => value !== undefined);
    const line = text === undefined ? undefined : shown(text, length);
    return line === undefined ? {} : { [name]: line };
  };
  return {
    ...fact('title', LIMITS.previewTitleLength),
    ...fact('description', LIMITS.previewDescriptionLength),
    ...fact('site_name', LIMITS.previewTitleLength),
  };
}
