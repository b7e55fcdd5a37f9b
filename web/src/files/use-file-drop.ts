import type { ChatListItem } from '@tideline/sdk';
import { type DragEvent, useState } from 'react';
import { useBridge } from '../bridge/hooks.ts';
import { placeOf } from '../chat/drafts.ts';
import { trayOf } from './tray.ts';

/** Takes files that are dropped anywhere on a place: a conversation, or one of its threads. */
export function useFileDrop(row: ChatListItem, thread?: number) {
  const bridge = useBridge();
  const [dragged, setDragged] = useState(false);
  const files = (event: DragEvent) => event.dataTransfer.types.includes('Files');
  return {
    dragged,
    drop: {
      onDragOver: (event: DragEvent) => {
        if (!files(event)) return;
        event.preventDefault();
        setDragged(true);
      },
      onDragLeave: (event: DragEvent<HTMLElement>) => {
        const { currentTarget, relatedTarget } = event;
        if (!(relatedTarget instanceof Node && currentTarget.contains(relatedTarget))) setDragged(false);
      },
      onDrop: (event: DragEvent) => {
        if (!files(event)) return;
        event.preventDefault();
        setDragged(false);
        trayOf(bridge, placeOf(row.id, thread), row.workspace_id).add(event.dataTransfer.files);
      },
    },
  };
}
