import type { FileInfo } from '../protocol/files.ts';
import type { Entity, MessageKind } from '../protocol/kinds.ts';
import { LIMITS } from '../protocol/limits.ts';
import type { SendMessage } from '../protocol/messages.ts';

/** A message as the room takes it: what a user sends, or what the system says. Its files are tickets, or known already. */
export type Draft = Omit<SendMessage, 'kind' | 'files'> & { kind: MessageKind; files?: readonly unknown[] | undefined };

/** Fields that belong to kinds: a message has those of its own kind, and none of another. */
const KIND_FIELDS = ['files', 'location', 'contact', 'sticker', 'poll', 'custom'] as const;
type KindField = (typeof KIND_FIELDS)[number];

interface KindRule {
  /** What the kind's text is: needed, allowed, or not its matter. */
  content: 'needed' | 'allowed' | 'none';
  /** The field that the kind needs. */
  field?: KindField;
  /** What its files are. */
  files?: FileRule;
}

interface FileRule {
  /** How the media type of each begins. */
  type: string;
  most: number;
  /** Each can be shown as what it is. */
  inline?: true;
  timed?: true;
}

/** What each kind asks of a message beyond the schema of its fields. One entry for each kind. */
const KIND_RULES: Record<MessageKind, KindRule> = {
  text: { content: 'needed' },
  image: { content: 'allowed', field: 'files', files: { type: 'image/', most: LIMITS.filesPerMessage, inline: true } },
  video: { content: 'allowed', field: 'files', files: { type: 'video/', most: LIMITS.filesPerMessage, inline: true } },
  audio: { content: 'allowed', field: 'files', files: { type: 'audio/', most: LIMITS.filesPerMessage, inline: true } },
  voice: { content: 'none', field: 'files', files: { type: 'audio/', most: 1, inline: true, timed: true } },
  file: { content: 'allowed', field: 'files', files: { type: '', most: LIMITS.filesPerMessage } },
  location: { content: 'allowed', field: 'location' },
  contact: { content: 'none', field: 'contact' },
  sticker: { content: 'none', field: 'sticker' },
  poll: { content: 'needed', field: 'poll' },
  custom: { content: 'allowed', field: 'custom' },
  system: { content: 'needed' },
};

/** What a message says that no message of its kind may say, whatever the state of the conversation; null: nothing. */
export function kindProblem(message: Draft): string | null {
  const rule = KIND_RULES[message.kind];
  const named = message.kind === 'text' ? 'a text' : `a ${message.kind}`;
  if (rule.content === 'needed' && message.content.length === 0) return `content: ${named} must not be empty`;
  if (rule.content === 'none' && message.content.length > 0) return `content: ${named} has no text of its own`;
  if (rule.field !== undefined && message[rule.field] === undefined) return `${rule.field}: ${named} needs it`;
  const foreign = KIND_FIELDS.find((field) => field !== rule.field && message[field] !== undefined);
  if (foreign !== undefined) return `${foreign}: does not belong to ${named}`;
  const { files: fileRule } = rule;
  if (fileRule !== undefined && (message.files?.length ?? 0) > fileRule.most) {
    return `files: ${named} has at most ${fileRule.most}`;
  }
  if (message.quote !== undefined && message.reply_to === undefined) return 'quote: needs reply_to, the message quoted';
  const { entities } = message;
  return entities === undefined ? null : (entitiesProblem(message, entities) ?? mentionsProblem(message, entities));
}

/** What is wrong with the files of a message of this kind; null: nothing. */
export function filesProblem(kind: MessageKind, files: readonly FileInfo[]): string | null {
  const rule = KIND_RULES[kind].files;
  if (rule === undefined) return null;
  for (const [index, file] of files.entries()) {
    if (!file.type.startsWith(rule.type)) return `files.${index}: is ${file.type}, which is no ${kind}`;
    if (rule.inline && !file.inline) return `files.${index}: ${file.type} is not shown; send it as a file`;
    if (rule.timed && file.duration_ms === undefined) return `files.${index}: needs duration_ms`;
  }
  return null;
}

/** Spans in which nothing else is marked: their text is shown as it stands. */
const VERBATIM: ReadonlySet<Entity['type']> = new Set(['code', 'pre']);

/** Whether a position lies between the two halves of one character. */
const splits = (text: string, at: number): boolean =>
  /[\udc00-\udfff]/.test(text.charAt(at)) && /[\ud800-\udbff]/.test(text.charAt(at - 1));

function entitiesProblem({ content }: Draft, entities: readonly Entity[]): string | null {
  const open: Entity[] = [];
  let before: Entity | undefined;
  for (const [index, entity] of entities.entries()) {
    const at = `entities.${index}`;
    const end = entity.offset + entity.length;
    if (end > content.length) return `${at}: ends at ${end}, and content has ${content.length} UTF-16 code units`;
    if (splits(content, entity.offset) || splits(content, end)) return `${at}: cuts a character in two`;
    if (before !== undefined && entity.offset < before.offset) return `${at}: entities come by ascending offset`;
    before = entity;
    while (open.length > 0 && endOf(open.at(-1)) <= entity.offset) open.pop();
    const outer = open.at(-1);
    if (outer !== undefined && end > endOf(outer)) return `${at}: overlaps another; spans nest or lie apart`;
    if (outer !== undefined && VERBATIM.has(outer.type))
      return `${at}: lies within ${outer.type}, which has no entities`;
    if (open.some((one) => one.type === entity.type)) return `${at}: lies within another ${entity.type}`;
    open.push(entity);
  }
  return null;
}

const endOf = (entity: Entity | undefined): number => (entity === undefined ? 0 : entity.offset + entity.length);

/** Where entities say whom the message mentions, they and the fields that count say the same. */
function mentionsProblem({ mentions = [], everyone }: Draft, entities: readonly Entity[]): string | null {
  const shown = new Set(entities.flatMap((entity) => (entity.type === 'mention' ? [entity.user_id] : [])));
  const calls = entities.some((entity) => entity.type === 'everyone');
  const unlisted = [...shown].find((user) => !mentions.includes(user));
  if (unlisted !== undefined) return `mentions: lacks ${unlisted}, whom an entity mentions`;
  if (calls && everyone === undefined) return 'everyone: an entity mentions everyone, and the message does not';
  if (shown.size === 0 && !calls) return null;
  const unshown = mentions.find((user) => !shown.has(user));
  if (unshown !== undefined) return `entities: none mentions ${unshown}, who is in mentions`;
  if (everyone !== undefined && !calls) return 'entities: none mentions everyone, and the message does';
  return null;
}
