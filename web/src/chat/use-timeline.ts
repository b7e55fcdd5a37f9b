import { useCallback, useEffect, useRef, useState } from 'react';
import type { Timeline } from '../bridge/bridge.ts';
import { useBridge } from '../bridge/hooks.ts';

/** Shows a conversation, or one of its threads, as long as the component lives. */
export function useTimeline(chatId: string, at: number | undefined, thread?: number) {
  const bridge = useBridge();
  const [timeline, setTimeline] = useState<Timeline>();
  const view = useRef<ReturnType<typeof bridge.view>>(undefined);
  useEffect(() => {
    const opened = bridge.view(chatId, at, setTimeline, thread);
    view.current = opened;
    return () => opened.close();
  }, [bridge, chatId, at, thread]);
  const more = useCallback((side: 'older' | 'newer' | 'latest') => view.current?.more(side), []);
  const jump = useCallback((seq: number) => view.current?.jump(seq), []);
  return { timeline, more, jump };
}
