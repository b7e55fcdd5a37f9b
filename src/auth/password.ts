import Argon2, { Argon2Type } from '@phi-ag/argon2';
import wasm from '@phi-ag/argon2/argon2.wasm';

/** OWASP's parameters for argon2id: 19 MiB, two passes, one lane. About 40 ms. */
const PARAMETERS = { type: Argon2Type.Argon2id, memoryCost: 19_456, timeCost: 2, parallelism: 1, hashLength: 32 };

/** Hash of a random text that nobody knows, of the same cost: what is verified when there is no such account. */
const NOBODY = '$argon2id$v=19$m=19456,t=2,p=1$PHmh/AysJsT0eIZNN6X2qQ$WEwcmd1VbxaFKQ7XyT0pby4ix3cS+AAoXL0uPWFVO4A';

let argon2: Argon2 | undefined;
const instance = (): Argon2 => {
  argon2 ??= new Argon2(new WebAssembly.Instance(wasm));
  return argon2;
};

/**
 * The password as the hash sees it: composed the same way whatever keyboard it came from (NFC), in base64 of its UTF-8.
 * ASCII is what the library needs: it takes the count of UTF-16 units for the count of bytes and would silently
 * cut any other text short.
 */
function prepared(password: string): string {
  const bytes = new TextEncoder().encode(password.normalize('NFC'));
  return btoa(String.fromCharCode(...bytes));
}

/** argon2id in PHC form, with a random salt. The caller has checked the length. */
export const hashPassword = (password: string): string => instance().hash(prepared(password), PARAMETERS).encoded;

/** Takes the same time whether or not there is a hash: undefined (no such account) is never a match. */
export function verifyPassword(hash: string | undefined, password: string): boolean {
  const { success } = instance().tryVerify(hash ?? NOBODY, prepared(password), Argon2Type.Argon2id);
  return success && hash !== undefined;
}
