import type { Preview } from '@tideline/sdk';
import type { ReactNode } from 'react';
import { useNames, useSelf } from '../bridge/hooks.ts';
import { cx } from '../ui/ui.tsx';
import { withEntities } from './entities.tsx';
import type { KindProps } from './kinds.tsx';
import css from './messages.module.css';

const LINK = /\bhttps?:\/\/[^\s<>"']+[^\s<>"'.,;:!?)\]}，。！？；：）】]/g;
/** Longer runs of nothing but emoji are text. */
const JUMBO_MAX = 3;
const EMOJI = /^(?:\p{Extended_Pictographic}(?:\ufe0f|\u200d\p{Extended_Pictographic}|\p{Emoji_Modifier})*\s*)+$/u;

/** Text with its links and mentions. */
export function TextMessage({ message }: KindProps) {
  const names = useNames();
  const self = useSelf();
  const { content, entities, mentions = [] } = message;
  if (EMOJI.test(content) && [...new Intl.Segmenter().segment(content.replaceAll(/\s/g, ''))].length <= JUMBO_MAX) {
    return <span className={css.jumbo}>{content}</span>;
  }
  const marked = mentions.map((id) => ({ text: `@${names(id)}`, self: id === self.id }));
  return (
    <>
      <span className={css.text}>
        {entities === undefined
          ? withLinks(content, marked)
          : withEntities(content, entities, self.id, (part, offset) => withLinks(part, [], offset))}
      </span>
      {message.preview !== undefined && <LinkPreview preview={message.preview} />}
    </>
  );
}

/** What the server has read of the page behind a link. Nothing of another site is loaded for it. */
function LinkPreview({ preview: { url, title, description, site_name } }: { preview: Preview }) {
  return (
    <a className={css.preview} href={url} target="_blank" rel="noreferrer noopener">
      {site_name !== undefined && <small>{site_name}</small>}
      <b>{title}</b>
      {description !== undefined && <span>{description}</span>}
    </a>
  );
}

interface Mark {
  readonly text: string;
  readonly self: boolean;
}

/** @param offset where the text stands in that of the message */
function withLinks(text: string, marks: readonly Mark[], offset = 0): ReactNode[] {
  const parts: ReactNode[] = [];
  let end = 0;
  for (const match of text.matchAll(LINK)) {
    parts.push(...withMentions(text.slice(end, match.index), marks, offset + end));
    const [address] = match;
    parts.push(
      <a key={`link-${offset + match.index}`} href={address} target="_blank" rel="noreferrer noopener">
        {address}
      </a>,
    );
    end = match.index + address.length;
  }
  parts.push(...withMentions(text.slice(end), marks, offset + end));
  return parts;
}

function withMentions(text: string, marks: readonly Mark[], offset: number): ReactNode[] {
  if (marks.length === 0 || !text.includes('@')) return [text];
  const parts: ReactNode[] = [];
  for (let at = 0; at < text.length; ) {
    const found = marks
      .map((mark) => ({ mark, index: text.indexOf(mark.text, at) }))
      .filter(({ index }) => index !== -1)
      .sort((a, b) => a.index - b.index || b.mark.text.length - a.mark.text.length)[0];
    if (found === undefined) {
      parts.push(text.slice(at));
      break;
    }
    parts.push(
      text.slice(at, found.index),
      <span key={`mention-${offset + found.index}`} className={cx(css.mention, found.mark.self && css.mentionSelf)}>
        {found.mark.text}
      </span>,
    );
    at = found.index + found.mark.text.length;
  }
  return parts;
}
