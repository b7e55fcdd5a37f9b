import { AlertDialog } from '@base-ui/react/alert-dialog';
import { Menu } from '@base-ui/react/menu';
import { useTranslation } from 'react-i18next';
import { useStore } from '../bridge/store.ts';
import css from './dialog.module.css';
import { EmojiPicker } from './emoji-picker.tsx';
import { anchorOf, type ConfirmRequest, confirmation, emojiPicker, type MenuRequest, menu } from './overlays.ts';
import { Button, cx } from './ui.tsx';

/** Menus and questions, one at a time. */
export default function OverlayHost() {
  const open = useStore(menu);
  const question = useStore(confirmation);
  const choice = useStore(emojiPicker);
  return (
    <>
      {open !== undefined && <PopupMenu {...open} />}
      {choice !== undefined && <EmojiPicker {...choice} />}
      {question !== undefined && <Question {...question} />}
    </>
  );
}

function PopupMenu({ anchor, label, emoji, entries }: MenuRequest) {
  return (
    <Menu.Root open modal={false} onOpenChange={(isOpen) => !isOpen && menu.set(undefined)}>
      <Menu.Portal>
        <Menu.Positioner anchor={anchorOf(anchor)} align="start" sideOffset={4} className={css.positioner}>
          <Menu.Popup
            className={css.menu}
            aria-label={label}
            finalFocus={anchor instanceof HTMLElement ? () => anchor : undefined}
          >
            {emoji !== undefined && (
              <Menu.Group className={css.emoji}>
                {emoji.map(({ emoji: text, mine, run }) => (
                  <Menu.Item key={text} className={cx(css.one, mine && css.mine)} onClick={run}>
                    {text}
                  </Menu.Item>
                ))}
              </Menu.Group>
            )}
            {entries.map(({ id, label: text, icon, danger, run }) => (
              <Menu.Item key={id} className={cx(css.item, danger && css.danger)} onClick={run}>
                {icon}
                {text}
              </Menu.Item>
            ))}
          </Menu.Popup>
        </Menu.Positioner>
      </Menu.Portal>
    </Menu.Root>
  );
}

function Question({ title, text, action, answer }: ConfirmRequest) {
  const { t } = useTranslation();
  return (
    <AlertDialog.Root open onOpenChange={(open) => !open && answer(false)}>
      <AlertDialog.Portal>
        <AlertDialog.Backdrop className={css.backdrop} />
        <AlertDialog.Popup className={css.popup}>
          <div className={css.head}>
            <AlertDialog.Title className={css.title}>{title}</AlertDialog.Title>
          </div>
          <div className={css.confirm}>
            <AlertDialog.Description>{text}</AlertDialog.Description>
            <div className={css.row}>
              <Button onClick={() => answer(false)}>{t('common.cancel')}</Button>
              <Button look="danger" onClick={() => answer(true)}>
                {action}
              </Button>
            </div>
          </div>
        </AlertDialog.Popup>
      </AlertDialog.Portal>
    </AlertDialog.Root>
  );
}
