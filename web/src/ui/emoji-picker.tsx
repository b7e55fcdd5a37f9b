import { Popover } from '@base-ui/react/popover';
import { type KeyboardEvent, useRef } from 'react';
import { useTranslation } from 'react-i18next';
import css from './dialog.module.css';
import { EMOJI, type EmojiGroup } from './emoji.ts';
import { anchorOf, type EmojiRequest, emojiPicker } from './overlays.ts';

const COLUMNS = 8;
const GROUPS = Object.keys(EMOJI) as EmojiGroup[];

/** Emoji to take one of: by a press, or by the arrow keys and Enter. */
export function EmojiPicker({ anchor, returnTo, take }: EmojiRequest) {
  const { t } = useTranslation();
  const list = useRef<HTMLDivElement>(null);
  const close = () => emojiPicker.set(undefined);
  const move = (event: KeyboardEvent) => {
    const step = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -COLUMNS, ArrowDown: COLUMNS }[event.key];
    if (step === undefined) return;
    const all = [...(list.current?.querySelectorAll('button') ?? [])];
    const at = all.findIndex((button) => button.matches(':focus'));
    event.preventDefault();
    all[Math.min(all.length - 1, Math.max(0, at + step))]?.focus();
  };
  return (
    <Popover.Root open onOpenChange={(open) => !open && close()}>
      <Popover.Portal>
        <Popover.Positioner anchor={anchorOf(anchor)} side="top" align="end" sideOffset={6} className={css.positioner}>
          <Popover.Popup
            className={css.picker}
            aria-label={t('emoji.title')}
            ref={list}
            onKeyDown={move}
            finalFocus={() => returnTo ?? (anchor instanceof HTMLElement ? anchor : undefined)}
          >
            {GROUPS.map((group, g) => (
              <section key={group} aria-label={t(`emoji.${group}`)}>
                <h2>{t(`emoji.${group}`)}</h2>
                <div className={css.grid}>
                  {EMOJI[group].map((emoji, i) => (
                    <button
                      key={emoji}
                      type="button"
                      className={css.one}
                      tabIndex={g === 0 && i === 0 ? 0 : -1}
                      onClick={() => {
                        close();
                        take(emoji);
                      }}
                    >
                      {emoji}
                    </button>
                  ))}
                </div>
              </section>
            ))}
          </Popover.Popup>
        </Popover.Positioner>
      </Popover.Portal>
    </Popover.Root>
  );
}
