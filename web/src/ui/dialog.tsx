import { Dialog as Primitive } from '@base-ui/react/dialog';
import { X } from 'lucide-react';
import type { ReactNode } from 'react';
import css from './dialog.module.css';
import { cx, IconButton } from './ui.tsx';

interface DialogProps {
  title: string;
  closeLabel: string;
  onClose: () => void;
  /** The title is read out and not shown. */
  bare?: boolean;
  size?: 'small' | 'large';
  children: ReactNode;
}

/** A modal dialog: focus stays in it, Escape and a click beside it close it. */
export function Dialog({ title, closeLabel, onClose, bare = false, size = 'small', children }: DialogProps) {
  return (
    <Primitive.Root open onOpenChange={(open) => !open && onClose()}>
      <Primitive.Portal>
        <Primitive.Backdrop className={css.backdrop} />
        <Primitive.Popup className={cx(css.popup, css[size])}>
          <div className={bare ? 'visually-hidden' : css.head}>
            <Primitive.Title className={css.title}>{title}</Primitive.Title>
            {!bare && (
              <IconButton label={closeLabel} onClick={onClose}>
                <X size={18} />
              </IconButton>
            )}
          </div>
          {children}
        </Primitive.Popup>
      </Primitive.Portal>
    </Primitive.Root>
  );
}
