import type { Entity } from '@tideline/sdk';
import { isValidElement, type ReactNode } from 'react';
import { describe, expect, it } from 'vitest';
import { withEntities } from '../src/messages/entities.tsx';

/** What is drawn, with the marks around what they mark. */
function outline(node: ReactNode): string {
  if (Array.isArray(node)) return node.map(outline).join('');
  if (!isValidElement<{ entity: Entity; children: ReactNode }>(node)) return String(node);
  return `<${node.props.entity.type}>${outline(node.props.children)}</>`;
}
const drawn = (text: string, ...entities: Entity[]) => outline(withEntities(text, entities, 'usr_1', (part) => [part]));

describe('a marked text', () => {
  it('is drawn whole, whatever lies in what', () => {
    const text = 'see this and that 🌊 now';
    expect(drawn(text)).toBe(text);
    expect(drawn(text, { type: 'bold', offset: 4, length: 4 }, { type: 'italic', offset: 13, length: 4 })).toBe(
      'see <bold>this</> and <italic>that</> 🌊 now',
    );
    expect(
      drawn(
        text,
        { type: 'bold', offset: 0, length: 17 },
        { type: 'italic', offset: 4, length: 13 },
        { type: 'strike', offset: 4, length: 4 },
        { type: 'underline', offset: 9, length: 3 },
        { type: 'spoiler', offset: 18, length: 2 },
      ),
    ).toBe('<bold>see <italic><strike>this</> <underline>and</> that</></> <spoiler>🌊</> now');
  });

  it('of which all is one stretch has nothing beside it', () => {
    expect(drawn('code', { type: 'pre', offset: 0, length: 4, language: 'ts' })).toBe('<pre>code</>');
  });
});
