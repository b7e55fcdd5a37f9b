import { Dialog } from '@base-ui/react/dialog';
import type { FileInfo } from '@tideline/sdk';
import { ChevronLeft, ChevronRight, Download, X } from 'lucide-react';
import { type KeyboardEvent, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { useBridge } from '../bridge/hooks.ts';
import { complain } from '../notify.ts';
import { IconButton, Spinner } from '../ui/ui.tsx';
import css from './gallery.module.css';
import { useStream } from './stream.ts';
import { save, useFile } from './use-file.ts';

interface Props {
  chatId: string | undefined;
  files: readonly FileInfo[];
  at: number;
  onClose: () => void;
}

/** Pictures and films over the whole page, one at a time. */
export default function Gallery({ chatId, files, at: first, onClose }: Props) {
  const { t } = useTranslation();
  const bridge = useBridge();
  const [at, setAt] = useState(first);
  const file = files[at];
  if (file === undefined) return null;
  const step = (by: number) => setAt((now) => Math.min(files.length - 1, Math.max(0, now + by)));
  const press = (event: KeyboardEvent) => {
    const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (by === undefined || event.target instanceof HTMLMediaElement) return;
    event.stopPropagation();
    step(by);
  };
  const download = () => void save(bridge, { chat_id: chatId, file_id: file.id }, file.name).catch(complain);
  return (
    <Dialog.Root open onOpenChange={(open) => !open && onClose()}>
      <Dialog.Portal>
        <Dialog.Popup className={css.gallery} onKeyDown={press} onContextMenu={(event) => event.stopPropagation()}>
          <header className={css.head}>
            <Dialog.Title className={css.name}>{file.name}</Dialog.Title>
            {files.length > 1 && <span>{t('files.position', { at: at + 1, count: files.length })}</span>}
            <IconButton label={t('files.download')} onClick={download}>
              <Download size={20} />
            </IconButton>
            <IconButton label={t('common.close')} onClick={onClose}>
              <X size={20} />
            </IconButton>
          </header>
          {file.type.startsWith('video/') ? (
            <Film key={file.id} chatId={chatId} file={file} />
          ) : (
            <Large key={file.id} chatId={chatId} file={file} />
          )}
          {at > 0 && (
            <IconButton className={css.previous} label={t('files.previous')} onClick={() => step(-1)}>
              <ChevronLeft size={28} />
            </IconButton>
          )}
          {at < files.length - 1 && (
            <IconButton className={css.next} label={t('files.next')} onClick={() => step(1)}>
              <ChevronRight size={28} />
            </IconButton>
          )}
        </Dialog.Popup>
      </Dialog.Portal>
    </Dialog.Root>
  );
}

interface LargeProps {
  chatId: string | undefined;
  file: FileInfo;
}

/** A film begins at once, and brings what is watched of it. */
function Film({ chatId, file }: LargeProps) {
  const { t } = useTranslation();
  const { url, failed, onError } = useStream({ chat_id: chatId, file_id: file.id }, file);
  const small = useFile(file.thumbnail_id === undefined ? undefined : { chat_id: chatId, file_id: file.thumbnail_id });
  if (failed) return <p className={css.stage}>{t('files.unreadable')}</p>;
  return (
    <div className={css.stage}>
      {url === undefined ? (
        <Spinner label={t('common.loading')} />
      ) : (
        // biome-ignore lint/a11y/useMediaCaption: nobody has written down what is said
        <video src={url} poster={small.url} controls autoPlay aria-label={file.name} onError={onError} />
      )}
    </div>
  );
}

function Large({ chatId, file }: LargeProps) {
  const { t } = useTranslation();
  const { url, failed } = useFile({ chat_id: chatId, file_id: file.id });
  const small = useFile(file.thumbnail_id === undefined ? undefined : { chat_id: chatId, file_id: file.thumbnail_id });
  if (failed) return <p className={css.stage}>{t('files.unreadable')}</p>;
  if (url === undefined) {
    return (
      <div className={css.stage}>
        {small.url !== undefined && <img src={small.url} alt="" />}
        <Spinner label={t('common.loading')} />
      </div>
    );
  }
  return (
    <div className={css.stage}>
      <img src={url} alt={file.name} />
    </div>
  );
}
