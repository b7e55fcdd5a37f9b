import { File as FileIcon, Film, Music, RotateCcw, X } from 'lucide-react';
import { useTranslation } from 'react-i18next';
import { sizeText } from '../i18n/sizes.ts';
import { IconButton } from '../ui/ui.tsx';
import css from './attachments.module.css';
import type { Attachment, Tray } from './tray.ts';

const ICONS = { image: FileIcon, video: Film, audio: Music, file: FileIcon };

/** Files that go with the next message, and how far each has come. */
export function Attachments({ items, tray }: { items: readonly Attachment[]; tray: Tray }) {
  const { t } = useTranslation();
  return (
    <ul className={css.tray} aria-label={t('files.chosen')}>
      {items.map((item) => (
        <Chosen key={item.id} item={item} tray={tray} />
      ))}
    </ul>
  );
}

function Chosen({ item, tray }: { item: Attachment; tray: Tray }) {
  const { t } = useTranslation();
  const { id, source, kind, preview, sent, size, file, failure } = item;
  const Icon = ICONS[kind];
  return (
    <li className={css.item} data-state={failure === undefined ? (file === undefined ? 'sending' : 'there') : 'failed'}>
      {preview === undefined ? <Icon size={22} aria-hidden="true" /> : <img src={preview} alt="" />}
      <span className={css.text}>
        <b>{source.name}</b>
        <small role={failure === undefined ? undefined : 'alert'}>{failure ?? sizeText(size)}</small>
        {file === undefined && failure === undefined && (
          // Without a value while nothing is known to have arrived.
          <progress
            aria-label={t('files.uploading', { name: source.name })}
            max={size}
            {...(sent === 0 ? {} : { value: sent })}
          />
        )}
      </span>
      {failure !== undefined && (
        <IconButton label={t('files.retry', { name: source.name })} onClick={() => tray.retry(id)}>
          <RotateCcw size={16} />
        </IconButton>
      )}
      <IconButton
        label={t(file === undefined ? 'files.cancel' : 'files.remove', { name: source.name })}
        onClick={() => tray.remove(id)}
      >
        <X size={16} />
      </IconButton>
    </li>
  );
}
