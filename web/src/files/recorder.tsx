import type { ChatListItem } from '@tideline/sdk';
import { SendHorizontal, Trash2 } from 'lucide-react';
import { useCallback, useEffect, useRef, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { useBridge } from '../bridge/hooks.ts';
import { CallError } from '../bridge/remote.ts';
import { lengthText } from '../i18n/sizes.ts';
import { failureText } from '../notify.ts';
import { toast } from '../ui/overlays.ts';
import { IconButton, Spinner } from '../ui/ui.tsx';
import css from './attachments.module.css';
import { soundOf } from './prepare.ts';
import { sendVoice } from './send.ts';

/** What browsers record in, the smallest first. */
const TYPES = ['audio/webm;codecs=opus', 'audio/ogg;codecs=opus', 'audio/mp4'];
/** A note ends by itself after so long, ms. */
const LONGEST = 15 * 60_000;

interface Props {
  row: ChatListItem;
  thread: number | undefined;
  onEnd: () => void;
}

/** Records a voice note from the moment it is shown. */
export default function Recorder({ row, thread, onEnd }: Props) {
  const { t } = useTranslation();
  const bridge = useBridge();
  const recorder = useRef<MediaRecorder>(undefined);
  const wanted = useRef(false);
  const [began, setBegan] = useState<number>();
  const [elapsed, setElapsed] = useState(0);
  const [busy, setBusy] = useState(false);

  const deliver = useCallback(
    async (recording: Blob) => {
      setBusy(true);
      try {
        const about = await soundOf(recording);
        const request = {
          name: t('files.voice'),
          about,
          ...(row.workspace_id === null ? {} : { workspace_id: row.workspace_id }),
        };
        const file = await bridge.upload(recording, request, () => undefined).done;
        await sendVoice(bridge, row.id, file, thread);
      } catch (error) {
        toast(error instanceof CallError ? failureText(error.failure) : t('files.unrecorded'));
      }
      onEnd();
    },
    [bridge, row.id, row.workspace_id, thread, onEnd, t],
  );
  const act = useRef({ deliver, onEnd });
  act.current = { deliver, onEnd };

  useEffect(() => {
    let stream: MediaStream | undefined;
    let gone = false;
    const release = () => {
      for (const track of stream?.getTracks() ?? []) track.stop();
    };
    const begin = async () => {
      stream = await navigator.mediaDevices.getUserMedia({ audio: true });
      if (gone) return release();
      const type = TYPES.find((one) => MediaRecorder.isTypeSupported(one));
      const made = new MediaRecorder(stream, type === undefined ? {} : { mimeType: type });
      const parts: Blob[] = [];
      made.addEventListener('dataavailable', ({ data }) => parts.push(data));
      made.addEventListener('stop', () => {
        release();
        if (wanted.current) void act.current.deliver(new Blob(parts, { type: made.mimeType }));
      });
      made.start();
      recorder.current = made;
      setBegan(performance.now());
    };
    begin().catch(() => {
      if (gone) return;
      toast(t('files.noMicrophone'));
      act.current.onEnd();
    });
    return () => {
      gone = true;
      if (recorder.current?.state === 'recording') recorder.current.stop();
      release();
    };
  }, [t]);

  const finish = useCallback(() => {
    wanted.current = true;
    if (recorder.current?.state === 'recording') recorder.current.stop();
  }, []);
  useEffect(() => {
    if (began === undefined) return;
    const timer = setInterval(() => {
      setElapsed(performance.now() - began);
      if (performance.now() - began > LONGEST) finish();
    }, 250);
    return () => clearInterval(timer);
  }, [began, finish]);

  return (
    <div className={css.recorder}>
      <span className={css.light} aria-hidden="true" />
      <span role="timer" aria-label={t('files.recording')}>
        {lengthText(elapsed)}
      </span>
      {busy ? (
        <Spinner label={t('files.uploading', { name: t('files.voice') })} />
      ) : (
        <>
          <IconButton label={t('files.discard')} onClick={onEnd}>
            <Trash2 size={19} />
          </IconButton>
          <IconButton label={t('files.sendVoice')} disabled={began === undefined} onClick={finish}>
            <SendHorizontal size={20} />
          </IconButton>
        </>
      )}
    </div>
  );
}
