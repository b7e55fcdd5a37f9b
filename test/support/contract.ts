import { type OutputUnit, type Schema, Validator } from '@cfworker/json-schema';
import { z } from 'zod';
import { api } from './api.ts';

/*
 * The published OpenAPI document as a judge of answers: an answer has to be one that its operation declares, with a
 * body that the declared schema accepts.
 */

const Media = z.object({ schema: z.record(z.string(), z.unknown()) });
const OperationObject = z.object({
  operationId: z.string(),
  tags: z.array(z.string()).length(1),
  summary: z.string().min(1),
  description: z.string().min(1),
  security: z.array(z.record(z.string(), z.array(z.string()))),
  parameters: z.array(z.object({ name: z.string(), in: z.string(), required: z.boolean().optional() })).default([]),
  requestBody: z.object({ required: z.literal(true), content: z.record(z.string(), Media) }).optional(),
  responses: z.record(
    z.string(),
    z.object({ description: z.string().min(1), content: z.record(z.string(), Media).optional() }),
  ),
});
const Document = z.object({
  openapi: z.literal('3.1.0'),
  paths: z.record(z.string(), z.record(z.string(), OperationObject)),
  components: z.object({
    schemas: z.record(z.string(), z.record(z.string(), z.unknown())),
    securitySchemes: z.record(z.string(), z.unknown()),
  }),
});

export interface Operation extends z.output<typeof OperationObject> {
  method: string;
  path: string;
}

export class Contract {
  readonly operations: ReadonlyMap<string, Operation>;
  readonly #components: z.output<typeof Document>['components'];
  /** `operationId status` of every declared answer that was given. */
  readonly #seen = new Set<string>();

  private constructor(document: z.output<typeof Document>) {
    this.#components = document.components;
    this.operations = new Map(
      Object.entries(document.paths).flatMap(([path, methods]) =>
        Object.entries(methods).map(([method, operation]) => [
          operation.operationId,
          { ...operation, method: method.toUpperCase(), path },
        ]),
      ),
    );
  }

  static async load(): Promise<Contract> {
    return new Contract(Document.parse((await api('/openapi.json')).body));
  }

  /** The schema behind a reference, `#/components/schemas/NAME`. */
  schema(ref: string): Record<string, unknown> {
    const schema = this.#components.schemas[ref.slice(ref.lastIndexOf('/') + 1)];
    if (schema === undefined) throw new Error(`the document has no ${ref}`);
    return schema;
  }

  operation(id: string): Operation {
    const operation = this.operations.get(id);
    if (operation === undefined) throw new Error(`the document has no operation ${id}`);
    return operation;
  }

  /** Throws unless the operation declares this answer. Returns the body: parsed when it is JSON, else its text. */
  async check(operationId: string, response: Response): Promise<unknown> {
    const { status } = response;
    const declared = this.operation(operationId).responses[status];
    if (declared === undefined) {
      throw new Error(`${operationId} does not declare ${status}: ${await response.text()}`);
    }
    this.#seen.add(`${operationId} ${status}`);
    if (declared.content === undefined) {
      const text = response.body === null ? '' : await response.text();
      if (text !== '') throw new Error(`${operationId} ${status} declares no body, there is one: ${text}`);
      return null;
    }
    const type = response.headers.get('content-type')?.split(';')[0] ?? 'none';
    const media = declared.content[type] ?? declared.content['*/*'];
    if (media === undefined) throw new Error(`${operationId} ${status} does not declare ${type}`);
    const text = new TextDecoder().decode(await response.arrayBuffer());
    if (!type.endsWith('json')) return text;
    const body: unknown = JSON.parse(text);
    const errors = this.#validate(media.schema, body);
    if (errors.length > 0) {
      throw new Error(`${operationId} ${status}: ${JSON.stringify(errors.slice(-3))} in ${text.slice(0, 2000)}`);
    }
    return body;
  }

  #validate(schema: Schema, body: unknown): OutputUnit[] {
    const root = { ...schema, components: this.#components };
    return new Validator(root, '2020-12', false).validate(body).errors;
  }

  /** Declared answers that were never given, but for these statuses. */
  unseen(except: number[]): string[] {
    return [...this.operations.values()]
      .flatMap(({ operationId, responses }) =>
        Object.keys(responses)
          .filter((status) => !except.includes(Number(status)))
          .map((status) => `${operationId} ${status}`),
      )
      .filter((answer) => !this.#seen.has(answer));
  }
}
