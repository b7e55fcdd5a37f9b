import css from './ui.module.css';
import { cx } from './ui.tsx';

const HUES = 8;

/** The same colour for the same id, everywhere. */
function hueOf(id: string): number {
  let hash = 0;
  for (const char of id.slice(-8)) hash = (hash * 31 + (char.codePointAt(0) ?? 0)) >>> 0;
  return hash % HUES;
}

/** Up to two letters of a name; of a Chinese one the last character, as is the custom. */
export function initials(name: string): string {
  const words = name.trim().split(/\s+/);
  const first = words[0] ?? '';
  if (/^\p{Script=Han}/u.test(first)) return [...first].at(-1) ?? '';
  return [first, words.length > 1 ? (words.at(-1) ?? '') : '']
    .map((word) => [...word][0] ?? '')
    .join('')
    .toUpperCase();
}

interface AvatarProps {
  id: string;
  name: string;
  image?: string | null | undefined;
  size: 24 | 32 | 36 | 46 | 80;
  square?: boolean;
  online?: boolean;
}

/** Decoration: the name stands beside it. Pictures of other origins are not loaded: they would tell who looks at whom. */
export function Avatar({ id, name, image, size, square, online }: AvatarProps) {
  const own = image?.startsWith(`${location.origin}/`) === true;
  return (
    <span
      className={cx(css.avatar, css[`s${size}`], css[`h${hueOf(id)}`], square && css.square)}
      // Drawn by the style sheet: it is no text of whatever it stands in.
      data-initials={own ? undefined : initials(name)}
      aria-hidden="true"
    >
      {own && <img src={image} alt="" loading="lazy" />}
      {online === true && <span className={css.dot} />}
    </span>
  );
}
