import { z } from 'zod';
import { ChatId, DisplayText, FileId, queryInt, Timestamp, WorkspaceId } from './common.ts';
import { LIMITS } from './limits.ts';

/** A name to show and to save under. What the content is, the content says. */
export const FileName = DisplayText.min(1)
  .max(LIMITS.fileNameLength)
  .refine((name) => !/[/\\]/.test(name) && name !== '.' && name !== '..', { error: 'must not be a path' })
  .meta({ description: 'Shown, and suggested when the file is saved', example: 'harbour.jpg' });

const base64url = (maxBytes: number, description: string) =>
  z
    .string()
    .regex(/^[\w-]+$/, 'must be base64url without padding')
    .max(Math.ceil((maxBytes * 4) / 3))
    .meta({ description });

const Pixels = z.int().min(1).max(LIMITS.imageSide);
const Milliseconds = z
  .int()
  .min(0)
  .max(24 * 60 * 60 * 1000);
const Sha256 = z
  .string()
  .regex(/^[0-9a-f]{64}$/, 'must be 64 hex digits')
  .meta({ description: 'SHA-256 of the content, in hex' });

const shown = {
  placeholder: base64url(
    28,
    'ThumbHash of the image or of the first frame, in base64url: shown until it is there',
  ).optional(),
  thumbnail_id: FileId.optional().meta({ description: 'A file of the same uploader: a small image to show first' }),
  waveform: base64url(LIMITS.waveformSamples, 'Loudness over time, one byte for each sample, in base64url').optional(),
};

/** What the uploader says of a file. Of an image the server reads the size itself; what is said must agree. */
export const FileAbout = z
  .strictObject({
    width: Pixels.optional(),
    height: Pixels.optional(),
    duration_ms: Milliseconds.optional(),
    ...shown,
  })
  .meta({ id: 'FileAbout' });
export type FileAbout = z.infer<typeof FileAbout>;

export const CreateUpload = z
  .strictObject({
    name: FileName,
    size: z.int().min(1).meta({ description: 'Bytes' }),
    workspace_id: WorkspaceId.nullish(),
    sha256: Sha256.optional().meta({ description: 'If given, the content has to have it' }),
    about: FileAbout.optional(),
  })
  .meta({ id: 'CreateUpload' });
export type CreateUpload = z.infer<typeof CreateUpload>;

/** What `POST /api/uploads` says in its address; the body is the content. */
export const UploadQuery = z.strictObject({
  name: FileName,
  workspace_id: WorkspaceId.optional(),
  sha256: Sha256.optional(),
  width: queryInt(Pixels).optional(),
  height: queryInt(Pixels).optional(),
  duration_ms: queryInt(Milliseconds).optional(),
  ...shown,
});

export const UploadPart = z
  .object({
    number: z.int().meta({ description: 'From 1' }),
    size: z.int(),
    sha256: Sha256.meta({ description: 'Of what arrived: compare it with what was sent' }),
  })
  .meta({ id: 'UploadPart' });
export type UploadPart = z.infer<typeof UploadPart>;

/** A file on its way: which parts have arrived. */
export const Upload = z
  .object({
    id: FileId,
    name: z.string(),
    size: z.int(),
    part_size: z.int().meta({ description: 'Bytes of each part but the last' }),
    part_count: z.int(),
    parts: z.array(UploadPart).meta({ description: 'Parts that have arrived, by number' }),
    expires_at: Timestamp.meta({ description: 'A file that is not complete by then is dropped' }),
  })
  .meta({ id: 'Upload' });
export type Upload = z.infer<typeof Upload>;

/** A file as a message shows it. */
export const FileInfo = z
  .object({
    id: FileId,
    name: z.string(),
    size: z.int(),
    type: z.string().meta({ description: 'Media type, by content', example: 'image/jpeg' }),
    sha256: Sha256,
    inline: z.boolean().meta({ description: 'Whether it is served to be shown; anything else is served to be saved' }),
    width: z.int().optional(),
    height: z.int().optional(),
    duration_ms: z.int().optional(),
    ...shown,
    created_at: Timestamp,
  })
  .meta({ id: 'FileInfo' });
export type FileInfo = z.infer<typeof FileInfo>;

export const FileTicketRequest = z
  .strictObject({
    file_id: FileId,
    from_chat_id: ChatId.optional().meta({
      description: 'To forward: the conversation in which the caller sees the file. Without it the file is their own',
    }),
  })
  .meta({ id: 'FileTicketRequest' });

/** Leave to send one file into one conversation. */
export const FileTicket = z
  .object({
    ticket: z.string().meta({ description: 'Goes into the message in the place of the file' }),
    expires_at: Timestamp,
    file: FileInfo,
  })
  .meta({ id: 'FileTicket' });
export type FileTicket = z.infer<typeof FileTicket>;

export const Storage = z
  .object({ used: z.int().meta({ description: 'Bytes of the files and uploads' }), limit: z.int() })
  .meta({ id: 'Storage' });
export type Storage = z.infer<typeof Storage>;
