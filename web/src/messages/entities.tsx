import type { Entity } from '@tideline/sdk';
import { type ReactNode, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { cx } from '../ui/ui.tsx';
import css from './messages.module.css';

const endOf = ({ offset, length }: Entity): number => offset + length;

/**
 * A text with what its stretches are beside text. They come by ascending offset, the outer one first, and nest or lie apart:
 * the server takes no others.
 *
 * @param plain draws what lies in none of them
 */
export function withEntities(
  text: string,
  entities: readonly Entity[],
  self: string,
  plain: (part: string, offset: number) => ReactNode[],
  [from, before]: readonly [number, number] = [0, text.length],
): ReactNode[] {
  const parts: ReactNode[] = [];
  let at = from;
  for (let i = 0; i < entities.length; ) {
    const entity = entities[i];
    if (entity === undefined) break;
    const end = endOf(entity);
    const after = entities.findIndex((other, j) => j > i && other.offset >= end);
    const inner = entities.slice(i + 1, after === -1 ? undefined : after);
    parts.push(
      ...plain(text.slice(at, entity.offset), at),
      <Marked key={`${entity.type}-${entity.offset}`} entity={entity} self={self}>
        {withEntities(text, inner, self, (part) => [part], [entity.offset, end])}
      </Marked>,
    );
    at = end;
    i += 1 + inner.length;
  }
  parts.push(...plain(text.slice(at, before), at));
  return parts;
}

function Marked({ entity, self, children }: { entity: Entity; self: string; children: ReactNode }) {
  switch (entity.type) {
    case 'bold':
      return <strong>{children}</strong>;
    case 'italic':
      return <em>{children}</em>;
    case 'underline':
      return <u>{children}</u>;
    case 'strike':
      return <s>{children}</s>;
    case 'code':
      return <code className={css.code}>{children}</code>;
    case 'pre':
      return (
        <code className={cx(css.code, css.pre)} data-language={entity.language}>
          {children}
        </code>
      );
    case 'spoiler':
      return <Spoiler>{children}</Spoiler>;
    case 'link':
      return (
        <a href={entity.url} title={entity.url} target="_blank" rel="noreferrer noopener">
          {children}
        </a>
      );
    case 'mention':
      return <span className={cx(css.mention, entity.user_id === self && css.mentionSelf)}>{children}</span>;
    case 'everyone':
      return <span className={cx(css.mention, css.mentionSelf)}>{children}</span>;
  }
}

/** Read by whoever wants to. */
function Spoiler({ children }: { children: ReactNode }) {
  const { t } = useTranslation();
  const [open, setOpen] = useState(false);
  if (open) return <span>{children}</span>;
  return (
    <button type="button" className={css.spoiler} onClick={() => setOpen(true)}>
      {t('message.spoiler')}
    </button>
  );
}
