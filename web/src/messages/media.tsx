import type { FileInfo } from '@tideline/sdk';
import { Download, File as FileIcon, ImageOff, Pause, Play } from 'lucide-react';
import { lazy, Suspense, useMemo, useRef, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { useBridge } from '../bridge/hooks.ts';
import type { ShownMessage } from '../core/protocol.ts';
import { bytesOf, placeholderUrl } from '../files/placeholder.ts';
import { useStream } from '../files/stream.ts';
import { fileOfTicket, save, useFile } from '../files/use-file.ts';
import { lengthText, sizeText } from '../i18n/sizes.ts';
import { complain } from '../notify.ts';
import { Spinner } from '../ui/ui.tsx';
import type { KindProps } from './kinds.tsx';
import css from './media.module.css';
import { TextMessage } from './text.tsx';

const Gallery = lazy(() => import('../files/gallery.tsx'));

/** A picture in the conversation is at most so large, px. */
const WIDEST = 380;
const HIGHEST = 340;

/** The files of a message; of one that is on its way, those that were chosen here. */
export function filesOf({ files, tickets }: ShownMessage): readonly FileInfo[] {
  return files ?? (tickets ?? []).flatMap((ticket) => fileOfTicket(ticket) ?? []);
}

/** Where its files are seen: the room knows of them once it has the message. */
const placeOf = ({ seq, chat_id }: ShownMessage): string | undefined => (seq === null ? undefined : chat_id);

function Caption(props: KindProps) {
  return props.message.content === '' ? null : <TextMessage {...props} />;
}

/** Pictures and films, and what is said of them. */
export function PictureMessage(props: KindProps) {
  const { message } = props;
  const files = filesOf(message);
  const [open, setOpen] = useState<number>();
  return (
    <>
      <div className={css.pictures} data-count={Math.min(files.length, 2)}>
        {files.map((file, i) => (
          <Picture
            key={file.id}
            chatId={placeOf(message)}
            file={file}
            alone={files.length === 1}
            onOpen={() => setOpen(i)}
          />
        ))}
      </div>
      <Caption {...props} />
      {open !== undefined && (
        <Suspense>
          <Gallery chatId={placeOf(message)} files={files} at={open} onClose={() => setOpen(undefined)} />
        </Suspense>
      )}
    </>
  );
}

interface PictureProps {
  chatId: string | undefined;
  file: FileInfo;
  alone: boolean;
  onOpen: () => void;
}

/** Takes its place before it is there: what is below does not jump. */
function Picture({ chatId, file, alone, onOpen }: PictureProps) {
  const { t } = useTranslation();
  const film = file.type.startsWith('video/');
  // A film is loaded when it is played.
  const shown = file.thumbnail_id ?? (film ? undefined : file.id);
  const { url, failed } = useFile(shown === undefined ? undefined : { chat_id: chatId, file_id: shown });
  const placeholder = useMemo(() => placeholderUrl(file.placeholder), [file.placeholder]);
  const { width = 4, height = 3 } = file;
  const scale = Math.min(1, WIDEST / width, HIGHEST / height);
  const style = alone
    ? { width: `${Math.max(120, Math.round(width * scale))}px`, aspectRatio: `${width} / ${height}` }
    : undefined;
  return (
    <button
      type="button"
      className={css.picture}
      style={style}
      aria-label={t(film ? 'files.playVideo' : 'files.openImage', { name: file.name })}
      onClick={onOpen}
    >
      {placeholder !== undefined && <img src={placeholder} alt="" className={css.placeholder} />}
      {url !== undefined && <img src={url} alt="" />}
      {failed && <ImageOff size={28} aria-hidden="true" />}
      {film && (
        <span className={css.play} aria-hidden="true">
          <Play size={22} fill="currentColor" />
          {file.duration_ms !== undefined && <span>{lengthText(file.duration_ms)}</span>}
        </span>
      )}
    </button>
  );
}

/** Files of any kind: saved, not shown. */
export function FileMessage(props: KindProps) {
  const { message } = props;
  return (
    <>
      <ul className={css.files}>
        {filesOf(message).map((file) => (
          <li key={file.id}>
            <FileLine chatId={placeOf(message)} file={file} />
          </li>
        ))}
      </ul>
      <Caption {...props} />
    </>
  );
}

function FileLine({ chatId, file }: { chatId: string | undefined; file: FileInfo }) {
  const { t } = useTranslation();
  const bridge = useBridge();
  const [busy, setBusy] = useState(false);
  const download = () => {
    setBusy(true);
    save(bridge, { chat_id: chatId, file_id: file.id }, file.name)
      .catch(complain)
      .finally(() => setBusy(false));
  };
  return (
    <button type="button" className={css.file} disabled={busy} onClick={download}>
      <span className={css.fileIcon}>{busy ? <Spinner label={t('common.loading')} /> : <FileIcon size={20} />}</span>
      <span className={css.fileText}>
        <span className="visually-hidden">{t('files.download')} </span>
        <b>{file.name}</b>
        <small>{sizeText(file.size)}</small>
      </span>
      <Download size={17} aria-hidden="true" />
    </button>
  );
}

/** Sound, and voice notes. It is loaded when it is played. */
export function SoundMessage(props: KindProps) {
  const { message } = props;
  const voice = message.kind === 'voice';
  return (
    <>
      {filesOf(message).map((file) => (
        <Sound key={file.id} chatId={placeOf(message)} file={file} voice={voice} />
      ))}
      <Caption {...props} />
    </>
  );
}

function Sound({ chatId, file, voice }: { chatId: string | undefined; file: FileInfo; voice: boolean }) {
  const { t } = useTranslation();
  const [wanted, setWanted] = useState(false);
  const [playing, setPlaying] = useState(false);
  const [part, setPart] = useState(0);
  const audio = useRef<HTMLAudioElement>(null);
  // A note is short, and some of them can be played whole only.
  const place = wanted ? { chat_id: chatId, file_id: file.id } : undefined;
  const note = useFile(voice ? place : undefined);
  const long = useStream(voice ? undefined : place, file);
  const { url, failed } = voice ? note : long;
  const bars = useMemo(() => (file.waveform === undefined ? [] : [...bytesOf(file.waveform)]), [file.waveform]);
  const name = voice ? t('files.voice') : file.name;
  const toggle = () => {
    setWanted(true);
    if (playing) audio.current?.pause();
    else void audio.current?.play();
  };
  return (
    <div className={css.sound}>
      <button
        type="button"
        className={css.round}
        aria-label={t(playing ? 'files.pause' : 'files.play', { name })}
        onClick={toggle}
      >
        {wanted && url === undefined && !failed ? (
          <Spinner label={t('common.loading')} />
        ) : playing ? (
          <Pause size={18} fill="currentColor" />
        ) : (
          <Play size={18} fill="currentColor" />
        )}
      </button>
      <span className={css.soundText}>
        {bars.length > 0 ? (
          <span className={css.wave} aria-hidden="true">
            {bars.map((loud, i) => (
              <span
                // biome-ignore lint/suspicious/noArrayIndexKey: a sample is nothing but its place
                key={i}
                data-played={i / bars.length < part}
                style={{ height: `${Math.max(8, (loud / 255) * 100)}%` }}
              />
            ))}
          </span>
        ) : (
          <b>{name}</b>
        )}
        <small>{file.duration_ms === undefined ? sizeText(file.size) : lengthText(file.duration_ms)}</small>
      </span>
      {url !== undefined && (
        // biome-ignore lint/a11y/useMediaCaption: nobody has written down what is said
        <audio
          ref={audio}
          src={url}
          autoPlay
          onError={voice ? undefined : long.onError}
          onPlay={() => setPlaying(true)}
          onPause={() => setPlaying(false)}
          onEnded={() => setPart(0)}
          onTimeUpdate={({ currentTarget: { currentTime } }) =>
            setPart((currentTime * 1000) / Math.max(1, file.duration_ms ?? currentTime * 1000))
          }
        />
      )}
    </div>
  );
}
