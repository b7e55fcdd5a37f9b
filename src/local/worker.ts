import worker from '../worker.ts';
import { doorTo } from './door.ts';

/** The Worker as `npm start` runs it: with a door of its own. What is deployed has none. */
export * from '../worker.ts';
export default worker;
export const door = doorTo(worker.fetch);
